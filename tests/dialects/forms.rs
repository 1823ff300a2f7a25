//! One test per fixture.

use jumun::dialect::{Form, NoEvent};

use crate::dialects::fixture::{Expected, Fixture, ID, KEY, check, file, plain};

const ROUTED: &[(&str, &[u8])] = &[("id", ID.as_bytes()), ("eventType", b"order.accepted")];

/// Every column placed in a header, as Connect's SimpleHeaderConverter writes them.
const ROUTED_WITH_COLUMNS: &[(&str, &[u8])] = &[
    ("id", ID.as_bytes()),
    ("eventType", b"order.accepted"),
    ("target_id", KEY),
    ("version", b"7"),
    ("occurred_at", b"1715482991482000"),
    ("created_at", b"1715482991497000"),
    ("actor_type", b"STORE"),
    ("actor_id", b"st_1029"),
    (
        "traceparent",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
];

/// The same through Connect's JsonConverter without schemas.
const ROUTED_IN_JSON: &[(&str, &[u8])] = &[
    ("id", b"\"0192f3c1-7c1a-7abc-8def-0123456789ab\""),
    ("eventType", b"\"order.accepted\""),
    ("target_id", b"\"B24051200001XK7Q\""),
    ("version", b"7"),
    ("occurred_at", b"1715482991482000"),
    ("created_at", b"1715482991497000"),
    ("actor_type", b"\"STORE\""),
    ("actor_id", b"\"st_1029\""),
];

/// The same with schemas.
const ROUTED_WITH_SCHEMAS: &[(&str, &[u8])] = &[
    (
        "id",
        br#"{"schema":{"type":"string","optional":false},"payload":"0192f3c1-7c1a-7abc-8def-0123456789ab"}"#,
    ),
    (
        "eventType",
        br#"{"schema":{"type":"string","optional":false},"payload":"order.accepted"}"#,
    ),
    (
        "version",
        br#"{"schema":{"type":"int32","optional":false},"payload":7}"#,
    ),
    (
        "occurred_at",
        br#"{"schema":{"type":"int64","optional":false,"name":"io.debezium.time.MicroTimestamp","version":1},"payload":1715482991482000}"#,
    ),
    (
        "created_at",
        br#"{"schema":{"type":"int64","optional":false,"name":"io.debezium.time.MicroTimestamp","version":1},"payload":1715482991497000}"#,
    ),
    (
        "actor_type",
        br#"{"schema":{"type":"string","optional":true},"payload":"STORE"}"#,
    ),
    (
        "actor_id",
        br#"{"schema":{"type":"string","optional":true},"payload":"st_1029"}"#,
    ),
];

const ROUTED_WITHOUT_ACTOR: &[(&str, &[u8])] = &[
    ("id", ID.as_bytes()),
    ("type", b"order.accepted"),
    ("version", b"7"),
    ("occurred_at", b"2024-05-12T03:03:11.482Z"),
    ("created_at", b"2024-05-12T03:03:11.497Z"),
];

const COOKING: &[(&str, &[u8])] = &[
    ("id", b"0192f3c1-7c1a-7abc-8def-0123456789ac"),
    ("eventType", b"cooking.started"),
    ("version", b"8"),
    ("occurred_at", b"1715482991482000"),
];

const CLOUD: &[(&str, &[u8])] = &[
    ("ce_specversion", b"1.0"),
    ("ce_id", ID.as_bytes()),
    ("ce_source", b"order-api"),
    ("ce_type", b"order.accepted"),
    ("ce_time", b"2024-05-12T03:03:11.482Z"),
    ("ce_recordedtime", b"2024-05-12T03:03:11.497Z"),
    ("ce_partitionkey", KEY),
    ("ce_version", b"7"),
    ("ce_actortype", b"STORE"),
    ("ce_actorid", b"st_1029"),
    ("content-type", b"application/json; charset=UTF-8"),
];

const CLOUD_COOKING: &[(&str, &[u8])] = &[
    ("ce_specversion", b"1.0"),
    ("ce_id", b"0192f3c1-7c1a-7abc-8def-0123456789ac"),
    ("ce_source", b"order-api"),
    ("ce_type", b"kr.baemin.cooking.started"),
    ("ce_time", b"2024-05-12T03:03:11.482Z"),
    ("ce_version", b"8"),
];

const CLOUD_AVRO: &[(&str, &[u8])] = &[
    ("ce_specversion", b"1.0"),
    ("ce_id", ID.as_bytes()),
    ("ce_source", b"order-api"),
    ("ce_type", b"order.accepted"),
    ("content-type", b"application/avro"),
];

const STRUCTURED: &[(&str, &[u8])] = &[(
    "content-type",
    b"application/cloudevents+json; charset=UTF-8",
)];

const fn outbox(
    key: &'static [u8],
    value: Option<&'static [u8]>,
    headers: &'static [(&'static str, &'static [u8])],
) -> Fixture {
    Fixture {
        form: Form::DebeziumOutbox,
        key: Some(key),
        value,
        headers,
    }
}

const QUOTED_KEY: &[u8] = b"\"B24051200001XK7Q\"";
const SCHEMA_KEY: &[u8] = file!("key-schema-string.json");
/// Of a change event whose connector has `message.key.columns=orders.outbox:aggregateid`.
const COLUMN_KEY: &[u8] = b"{\"aggregateid\":\"B24051200001XK7Q\"}";
const COLUMN_KEY_WITH_SCHEMA: &[u8] = file!("key-schema-struct.json");
/// Of a change event by default: the table's primary key.
const ROW_KEY: &[u8] = b"{\"id\":\"0192f3c1-7c1a-7abc-8def-0123456789ab\"}";
const ROW_KEY_WITH_SCHEMA: &[u8] = file!("key-schema-struct-of-id.json");

const fn raw(key: &'static [u8], value: Option<&'static [u8]>) -> Fixture {
    Fixture {
        form: Form::DebeziumRaw,
        key: Some(key),
        value,
        headers: &[],
    }
}

const fn cloud(
    value: Option<&'static [u8]>,
    headers: &'static [(&'static str, &'static [u8])],
) -> Fixture {
    Fixture {
        form: Form::CloudEvents,
        key: Some(KEY),
        value,
        headers,
    }
}

const fn thin(key: &'static [u8], value: &'static [u8]) -> Fixture {
    Fixture {
        form: Form::Thin,
        key: Some(key),
        value: Some(value),
        headers: &[],
    }
}

/// Declares a test per fixture, and the list of all of them.
macro_rules! fixtures {
    ($($name:ident: $fixture:expr => $expected:expr;)+) => {
        /// Every fixture with its name.
        pub const ALL: &[(&str, Fixture, Expected)] =
            &[$((stringify!($name), $fixture, $expected)),+];

        $(#[test]
        fn $name() {
            const FIXTURE: Fixture = $fixture;
            check(&FIXTURE, $expected);
        })+
    };
}

fixtures! {
    plain_envelope: plain(file!("plain.json")) => Expected::Whole;
    plain_envelope_with_the_headers_of_its_relay: Fixture {
        headers: &[("id", ID.as_bytes()), ("action", b"order.accepted"), ("schema-version", b"1")],
        ..plain(file!("plain.json"))
    } => Expected::Whole;
    plain_null: Fixture { value: None, ..plain(b"") }
        => Expected::Defect("MALFORMED", "payload is empty; deletes are not events");
    plain_envelope_in_a_frame: plain(FRAMED_PLAIN) => Expected::Whole;

    router_payload_as_object: outbox(KEY, Some(file!("plain.json")), ROUTED) => Expected::Whole;
    router_info_as_object: outbox(KEY, Some(file!("router-info-object.json")), ROUTED_WITH_COLUMNS) => Expected::Whole;
    router_info_as_object_without_actor: outbox(KEY, Some(file!("router-info-object.json")), ROUTED_WITHOUT_ACTOR)
        => Expected::WithoutActor;
    router_envelope_as_escaped_string: outbox(KEY, Some(file!("router-envelope-string.json")), ROUTED) => Expected::Whole;
    router_info_as_escaped_string: outbox(KEY, Some(file!("router-info-string.json")), ROUTED_WITH_COLUMNS)
        => Expected::Whole;
    router_key_and_headers_in_json: outbox(QUOTED_KEY, Some(file!("router-info-string.json")), ROUTED_IN_JSON)
        => Expected::Whole;
    router_key_and_headers_with_schemas: outbox(SCHEMA_KEY, Some(file!("router-info-string.json")), ROUTED_WITH_SCHEMAS)
        => Expected::Whole;
    router_placed_fields: outbox(KEY, Some(file!("router-placed-fields.json")), ROUTED) => Expected::Whole;
    router_placed_fields_and_payload_as_object:
        outbox(KEY, Some(file!("router-placed-fields-payload-object.json")), ROUTED) => Expected::Whole;
    router_placed_fields_with_schema: outbox(SCHEMA_KEY, Some(file!("router-schema-placed-fields.json")), ROUTED)
        => Expected::Whole;
    router_schema_and_payload_as_string: outbox(SCHEMA_KEY, Some(file!("router-schema-payload-string.json")), ROUTED)
        => Expected::Whole;
    router_schema_and_payload_as_object:
        outbox(SCHEMA_KEY, Some(file!("router-schema-payload-object.json")), ROUTED_WITH_SCHEMAS) => Expected::Whole;
    router_schema_without_payload:
        outbox(KEY, Some(br#"{"schema":{"type":"string","optional":true},"payload":null}"#), COOKING) => Expected::Cooking;
    router_empty_payload: outbox(KEY, Some(br#"{"payload":"  "}"#), COOKING) => Expected::Cooking;
    router_payload_in_a_frame: outbox(KEY, Some(FRAMED_PLAIN), ROUTED) => Expected::Whole;
    router_heartbeat: outbox(ROW_KEY, Some(file!("raw-heartbeat.json")), &[]) => Expected::None(NoEvent::Heartbeat);
    router_payload_without_time: outbox(KEY, Some(file!("router-info-object.json")), ROUTED)
        => Expected::Defect("MALFORMED", "time.occurredAt is missing: neither the payload nor a header tells it");
    router_payload_wrapped_for_ever: outbox(KEY, Some(br#"{"payload":{"payload":{"payload":{"payload":{}}}}}"#), ROUTED)
        => Expected::Defect("MALFORMED", "payload is wrapped too often");

    raw_mysql_insert: raw(COLUMN_KEY, Some(file!("raw-mysql-insert.json"))) => Expected::Whole;
    raw_mysql_snapshot: raw(COLUMN_KEY, Some(file!("raw-mysql-snapshot.json"))) => Expected::Whole;
    raw_mysql_insert_with_schema: raw(COLUMN_KEY_WITH_SCHEMA, Some(file!("raw-mysql-insert-with-schema.json")))
        => Expected::Whole;
    raw_postgres_insert: raw(COLUMN_KEY, Some(file!("raw-postgres-insert.json"))) => Expected::Whole;
    raw_mysql_insert_keyed_by_row: raw(ROW_KEY, Some(file!("raw-mysql-insert.json")))
        => Expected::Defect("KEY_MISMATCH", "the record's key");
    raw_mysql_delete: raw(COLUMN_KEY, Some(file!("raw-mysql-delete.json"))) => Expected::None(NoEvent::Delete);
    raw_mysql_delete_with_schema: raw(ROW_KEY_WITH_SCHEMA, Some(file!("raw-mysql-delete-with-schema.json")))
        => Expected::None(NoEvent::Delete);
    raw_tombstone: raw(COLUMN_KEY, None) => Expected::None(NoEvent::Tombstone);
    raw_tombstone_with_schema: raw(ROW_KEY_WITH_SCHEMA, None) => Expected::None(NoEvent::Tombstone);
    raw_postgres_truncate: Fixture { key: None, ..raw(KEY, Some(file!("raw-postgres-truncate.json"))) }
        => Expected::None(NoEvent::Truncate);
    raw_postgres_message: raw(b"{\"prefix\":\"relay\"}", Some(file!("raw-postgres-message.json")))
        => Expected::None(NoEvent::Message);
    raw_heartbeat: raw(b"{\"serverName\":\"order_shard_2\"}", Some(file!("raw-heartbeat.json")))
        => Expected::None(NoEvent::Heartbeat);
    raw_heartbeat_with_schema: raw(b"{}", Some(file!("raw-heartbeat-with-schema.json")))
        => Expected::None(NoEvent::Heartbeat);
    raw_mysql_update: raw(COLUMN_KEY, Some(file!("raw-mysql-update.json")))
        => Expected::Defect("MALFORMED", "op is \"u\": a row of the outbox was updated");
    raw_postgres_unavailable_payload: raw(COLUMN_KEY, Some(file!("raw-postgres-unavailable-payload.json")))
        => Expected::Defect("MALFORMED", "column payload is __debezium_unavailable_value");

    cloudevents_binary: cloud(Some(file!("router-info-object.json")), CLOUD) => Expected::Whole;
    cloudevents_binary_whole_envelope: cloud(Some(file!("plain.json")), CLOUD) => Expected::Whole;
    cloudevents_binary_without_data: cloud(None, CLOUD_COOKING) => Expected::Cooking;
    cloudevents_binary_avro: cloud(Some(b"\x02\x04"), CLOUD_AVRO)
        => Expected::Defect("MALFORMED", "content-type \"application/avro\" is not json");
    cloudevents_structured: cloud(Some(file!("cloudevents-structured.json")), STRUCTURED) => Expected::Whole;
    cloudevents_structured_without_content_type: cloud(Some(file!("cloudevents-structured.json")), &[]) => Expected::Whole;
    cloudevents_structured_whole_envelope: cloud(Some(file!("cloudevents-structured-envelope.json")), STRUCTURED)
        => Expected::Whole;
    cloudevents_structured_data_as_string: cloud(Some(file!("cloudevents-structured-data-string.json")), STRUCTURED)
        => Expected::Whole;
    cloudevents_structured_base64: cloud(Some(file!("cloudevents-structured-base64.json")), STRUCTURED)
        => Expected::Whole;
    cloudevents_of_another_version: cloud(Some(br#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#), STRUCTURED)
        => Expected::Defect("MALFORMED", "specversion is not 1.0");

    thin_event: thin(KEY, file!("thin.json")) => Expected::Thin;
    thin_event_of_other_names: thin(QUOTED_KEY, file!("thin-other-names.json")) => Expected::Thin;
    thin_event_in_a_frame: thin(FRAMED_KEY, FRAMED_THIN) => Expected::Thin;
    thin_event_without_order: thin(KEY, br#"{"id":"1","action":"order.created","occurredAt":"x"}"#)
        => Expected::Defect("MALFORMED", "");
}

const FRAMED_PLAIN: &[u8] = &framed::<{ PLAIN_BYTES.len() + 5 }>(PLAIN_BYTES);
const PLAIN_BYTES: &[u8] = file!("plain.json");
const FRAMED_THIN: &[u8] = &framed::<{ THIN_BYTES.len() + 5 }>(THIN_BYTES);
const THIN_BYTES: &[u8] = file!("thin.json");
const FRAMED_KEY: &[u8] = b"\x00\x00\x00\x00\x09\"B24051200001XK7Q\"";

/// Confluent's frame around JSON: schema id 7.
const fn framed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut framed = [0; N];
    framed[4] = 7;
    let mut at = 0;
    while at < bytes.len() {
        framed[at + 5] = bytes[at];
        at += 1;
    }
    framed
}

#[test]
fn a_null_value_is_an_event_of_the_router_only_where_its_topic_says_so() {
    let fixture = outbox(KEY, None, COOKING);
    crate::dialects::fixture::check_read(
        fixture.read_as(Form::DebeziumOutbox),
        Expected::Cooking,
        "configured",
    );
    let defect = fixture.read_as(Form::Detect).unwrap_err();
    assert_eq!(defect.reason.name(), "MALFORMED");
    let nameless = outbox(KEY, None, &[]);
    let defect = nameless.read_as(Form::DebeziumOutbox).unwrap_err();
    assert!(
        defect.message.starts_with("value is null, and no headers"),
        "{}",
        defect.message
    );
}
