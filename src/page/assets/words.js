// What codes are called, in English and Korean.

/** State of the process, or of the page's own connection: level, name, Korean name, what it means for whoever watches. */
export const CONDITIONS = {
  CONNECTING: ['busy', 'CONNECTING', '연결 중', ''],
  PAGE_DISCONNECTED: ['bad', 'NO CONNECTION', '연결 끊김', 'This page has lost its connection to the processor and tries again; figures are old.'],
  PAGE_REFUSED: ['warn', 'TOO MANY VIEWERS', '접속자 초과', 'The processor serves a bounded number of pages; trying again.'],
  BROKER_LOST: ['bad', 'BROKER LOST', '브로커 연결 끊김', 'The brokers do not answer. Nothing is lost: processing goes on when they are back.'],
  CREATED: ['busy', 'STARTING', '시작 중', 'Nothing is assigned yet.'],
  REBALANCING: ['busy', 'REBALANCING', '리밸런싱', 'Partitions are being handed out.'],
  RESTORING: ['busy', 'RESTORING', '상태 복원 중', 'State is being rebuilt from its changelog.'],
  RUNNING: ['ok', 'RUNNING', '실행 중', ''],
  PAUSED: ['warn', 'PAUSED', '일부 멈춤', 'At least one task takes no records until somebody resumes it. Nothing is lost.'],
  PENDING_SHUTDOWN: ['busy', 'STOPPING', '종료 중', 'Finishing the batch, committing, closing.'],
  NOT_RUNNING: ['warn', 'STOPPED', '종료됨', 'Stopped in order.'],
  PENDING_ERROR: ['bad', 'FAILING', '오류로 종료 중', ''],
  ERROR: ['bad', 'ERROR', '오류', 'Stopped by an error.'],
};

/** Levels of task and thread states. */
export const LEVELS = { RUNNING: 'ok', RESTORING: 'busy', CREATED: 'busy', REBALANCING: 'busy', SUSPENDED: 'busy', PENDING_SHUTDOWN: 'busy', PAUSED: 'warn', NOT_RUNNING: 'warn', ERROR: 'bad' };

export const STATES_KOREAN = { RUNNING: '실행', RESTORING: '복원', CREATED: '생성', REBALANCING: '리밸런싱', SUSPENDED: '일시 중단', PENDING_SHUTDOWN: '종료 중', PAUSED: '멈춤', NOT_RUNNING: '종료', ERROR: '오류' };

export const OUTCOMES = {
  APPLIED: ['Applied', '적용'],
  APPLIED_SKIP: ['Applied, skip', '단계 생략'],
  ANNOTATED: ['Annotated', '기록'],
  DUPLICATE: ['Duplicate', '중복'],
  STALE: ['Stale', '지난 버전'],
  PARKED: ['Parked', '보류'],
  REJECTED: ['Rejected', '거절'],
  IGNORED: ['Ignored', '무시'],
  DLT: ['Dead-lettered', '판정 불가'],
};

export const REASONS_KOREAN = {
  PREMATURE: '생성 전 이벤트',
  SEQ_GAP: '버전 누락',
  SEQ_GAP_TIMEOUT: '버전 누락 시간 초과',
  AWAIT_PREDECESSOR: '선행 이벤트 없음',
  PREDECESSOR_TIMEOUT: '선행 이벤트 시간 초과',
  PARK_LIMIT: '보류 한도 초과',
  EVENT_ID_CONFLICT: '이벤트 ID 충돌',
  VERSION_CONFLICT: '버전 충돌',
  ORDER_ID_REUSE: '주문번호 재사용',
  REDRIVE_LIMIT: '재처리 한도 초과',
  AFTER_TERMINAL: '종료 후 이벤트',
  ILLEGAL_TRANSITION: '허용되지 않는 전이',
  ACTOR_NOT_ALLOWED: '권한 없는 행위자',
  OVER_REFUND: '초과 환불',
  DELIVERY_LIMIT: '배달 수 한도 초과',
  TOO_LARGE: '크기 초과',
  MALFORMED: '형식 오류',
  KEY_MISMATCH: '키 불일치',
  UNKNOWN_ACTION: '알 수 없는 액션',
  UNSUPPORTED_SCHEMA: '지원하지 않는 스키마',
};

export const ACTORS_KOREAN = { CUSTOMER: '고객', STORE: '가게', RIDER: '라이더', DISPATCH: '배차', CS: '상담', SYSTEM: '시스템', PG: '결제사' };

/** Detectors, and what their value is: seconds, a share, or a number. */
export const DETECTORS = {
  paid_no_order: ['Paid, no order', '주문 없는 결제', 'seconds'],
  approved_and_cancelled: ['Paid and cancelled at once', '결제 직후 취소', 'number'],
  paid_not_relayed: ['Not relayed to the store', '가게 미중계', 'seconds'],
  no_rider: ['No riders', '라이더 부족', 'share'],
  ghost_delivery: ['Delivered though cancelled', '취소 주문 배달', 'seconds'],
  status_dark: ['Processed late', '처리 지연', 'share'],
  order_drop: ['Orders drop', '주문 급감', 'number'],
  order_surge: ['Orders surge', '주문 급증', 'number'],
  duplicate_orders: ['Orders sent twice', '중복 주문 의심', 'number'],
  post_cancel_wave: ['Cancels after delivery', '배달후취소 급증', 'number'],
};

export const TIMERS = {
  payment_wait: ['Payment', '결제 대기'],
  accept_wait: ['Acceptance', '접수 대기'],
  cook_late: ['Cooking', '조리 지연'],
  no_rider: ['No rider', '배차 대기'],
  rider_late_store: ['Rider to the store', '가게 도착 지연'],
  handover_late: ['Hand-over', '픽업 지연'],
  ride_late: ['Ride', '배달 지연'],
  promise_broken: ['Promised arrival', '약속 시각 초과'],
  stuck: ['Not closed', '장기 미종료'],
  ghost_delivery_risk: ['Cancelled, delivery goes on', '취소 후 배달 진행'],
  refund_late: ['Refund', '환불 지연'],
};

/** Levels of timers: how they look, and what they are called. */
export const SLA_LEVELS = { WARN: ['warn', 'warn', '주의'], BREACH: ['bad', 'breach', '위반'], CRITICAL: ['bad', 'critical', '심각'] };

/** Parts of an order's way, and the aggregate that tells of each. */
export const STAGES = {
  accept: ['Acceptance', '접수', 'lead_accept'],
  cook: ['Cooking', '조리', 'lead_cook'],
  dispatch: ['Waiting for a rider', '배차 대기', 'wait_dispatch'],
  handover: ['Waiting at the store', '픽업 대기', 'wait_handover'],
  ride: ['Ride', '배달', 'lead_ride_by_fulfilment'],
  total: ['Paid to delivered', '결제→배달', 'lead_total_by_fulfilment'],
};

/** By what is usual. */
export const USUAL = {
  FINDING: ['what the detector held it against', '탐지기 기준'],
  HALF_HOUR: ['mean of the half hour before', '직전 30분 평균'],
};

/** How the page's own reader of topics does. */
export const READERS = {
  IDLE: ['not reading', '읽지 않음'],
  CONNECTING: ['connecting', '연결 중'],
  CATCHING_UP: ['catching up', '따라잡는 중'],
  LIVE: ['live', '실시간'],
  FAILED: ['cannot be read, trying again', '읽을 수 없음, 재시도 중'],
  UNREACHABLE: ['the log does not answer, trying again', '응답 없음, 재시도 중'],
};
