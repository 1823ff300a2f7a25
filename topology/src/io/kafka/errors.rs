//! Codes of Kafka and librdkafka to the classes the runtime decides by. What is not named here is fatal.

use rdkafka::error::{KafkaError, RDKafkaError};
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::{Error, ErrorClass};

/// The class of a code by itself, outside any transaction.
pub(super) fn class(code: Code) -> ErrorClass {
    match code {
        // Another producer of the same transactional id, or the group has gone on without this member.
        Code::Fenced
        | Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::FencedInstanceId
        | Code::FencedMemberEpoch
        | Code::StaleMemberEpoch
        | Code::AssignmentLost => ErrorClass::Fenced,
        Code::OperationTimedOut
        | Code::TimedOutQueue
        | Code::RequestTimedOut
        | Code::BrokerTransportFailure
        // A request was under way to a broker that left the cluster's metadata.
        | Code::DestroyBroker
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::NetworkException
        | Code::WaitingForCoordinator
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::NotController
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::BrokerNotAvailable
        | Code::ReplicaNotAvailable
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::OffsetNotAvailable
        | Code::KafkaStorageError
        | Code::RebalanceInProgress
        | Code::UnstableOffsetCommit
        | Code::ConcurrentTransactions
        | Code::ThrottlingQuotaExceeded
        | Code::InProgress
        | Code::PreviousInProgress
        | Code::QueueFull => ErrorClass::Retriable,
        _ => ErrorClass::Fatal,
    }
}

/// An error of any call but those of a transaction.
pub(super) fn error(operation: &'static str, error: &KafkaError) -> Error {
    if let KafkaError::Transaction(error) = error {
        return transaction(operation, error);
    }
    // The binding does not count the code of an administrative request among the codes of its errors.
    let code = match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    let class = code.map_or(ErrorClass::Fatal, class);
    Error::new(class, operation, error.to_string())
}

/// An error with a code and a text.
pub(super) fn coded(operation: &'static str, code: Code, text: &str) -> Error {
    let detail = if text.is_empty() {
        code.to_string()
    } else {
        text.to_owned()
    };
    Error::new(class(code), operation, detail)
}

/// An error of a transaction. librdkafka says whether it is fatal, to be aborted, or to be repeated; fencing comes first,
/// because it calls a stale group generation merely abortable, and a zombie that only aborts would go on with tasks that
/// belong to another.
pub(super) fn transaction(operation: &'static str, error: &RDKafkaError) -> Error {
    let by_code = class(error.code());
    let class = if by_code == ErrorClass::Fenced {
        ErrorClass::Fenced
    } else if error.is_fatal() {
        ErrorClass::Fatal
    } else if error.txn_requires_abort() {
        ErrorClass::Abortable
    } else if error.is_retriable() || by_code == ErrorClass::Retriable {
        ErrorClass::Retriable
    } else {
        ErrorClass::Fatal
    };
    Error::new(class, operation, error.string())
}

/// The refusal of a record that had been handed over. What would be refused again is fatal and says what mends it, a
/// producer that is gone is replaced; after anything else the records before and after it are in doubt, and the work since
/// the last commit is done again.
pub(super) fn delivery(operation: &'static str, code: Code) -> Error {
    if let Some(fix) = permanent(code) {
        return Error::fatal(
            operation,
            format!("the broker refuses the record, and would again: {fix} ({code})"),
        );
    }
    let class = match (class(code), code) {
        (ErrorClass::Fenced, _)
        | (_, Code::Fatal | Code::InvalidTransactionalState | Code::InvalidProducerIdMapping) => {
            ErrorClass::Fenced
        }
        _ => ErrorClass::Abortable,
    };
    Error::new(class, operation, code.to_string())
}

/// What mends a refusal that lies in the record or its topic.
fn permanent(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
            "it is larger than the topic's max.message.bytes; raise that, or if it was lowered on purpose start again, \
             because it is read at the start"
        }
        Code::InvalidRecord => {
            "it is not what the topic's settings ask for (a compacted topic takes no record without a key); mend cleanup.policy"
        }
        Code::InvalidTimestamp => {
            "its timestamp is further from the broker's clock than the topic takes; raise the topic's \
             message.timestamp.before.max.ms or message.timestamp.after.max.ms"
        }
        Code::PolicyViolation => "a policy of the brokers forbids it; change the policy",
        Code::UnsupportedForMessageFormat | Code::UnsupportedCompressionType => {
            "the broker does not know its format; set another compression.type in [kafka.producer], or a newer broker"
        }
        Code::TopicAuthorizationFailed => {
            "this program must not write to the topic; grant its principal WRITE on it"
        }
        Code::TransactionalIdAuthorizationFailed => {
            "this program must not use its transactional id; grant its principal WRITE on it"
        }
        Code::ClusterAuthorizationFailed => {
            "this program must not write idempotently; grant its principal IDEMPOTENT_WRITE on the cluster"
        }
        _ => return None,
    })
}

/// Whether a record failed for want of its topic, as far as the code tells: the brokers are asked before it is believed.
pub(super) fn may_lack_topic(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::MessageTimedOut
    )
}

/// The client is beyond use; says what happened and what mends it.
pub(super) fn fatal_client(operation: &'static str, code: Code, reason: &str) -> Error {
    match code {
        // The older membership stands: that of a process killed a moment ago ends with its session.
        Code::UnreleasedInstanceId => Error::new(
            ErrorClass::Fenced,
            operation,
            format!(
                "the membership of this application.instance_id is still held: by a process that died and whose session \
                 has not ended yet, or by one that runs with the same id, which must get an id of its own ({reason})"
            ),
        ),
        Code::FencedInstanceId => Error::fatal(
            operation,
            format!(
                "another process runs with the same application.instance_id and has taken this membership over; \
                 give every instance an id of its own, or stop the other process ({reason})"
            ),
        ),
        _ if class(code) == ErrorClass::Fenced => {
            Error::new(ErrorClass::Fenced, operation, reason.to_owned())
        }
        _ => Error::fatal(operation, format!("{code}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrative_request_that_timed_out_is_asked_again() {
        for (code, expected) in [
            (Code::OperationTimedOut, ErrorClass::Retriable),
            (Code::NotController, ErrorClass::Retriable),
            (Code::DestroyBroker, ErrorClass::Retriable),
            (Code::TopicAuthorizationFailed, ErrorClass::Fatal),
        ] {
            let error = error("describe topic", &KafkaError::AdminOp(code));
            assert_eq!(error.class(), expected, "{error}");
        }
    }
}
