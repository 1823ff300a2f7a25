//! What an existing topic must be like, and what is said when it is not.

use crate::io::{TopicDescription, TopicSpec};

/// A topic of the application: how it is created, and what it must be like if it exists.
#[derive(Clone, Debug)]
pub(super) struct ExpectedTopic {
    pub(super) spec: TopicSpec,
    pub(super) role: Role,
}

/// What is lost when the topic is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Holds the state that was built from `input`; without one, the number of tasks is the topology's own.
    Changelog { input: Option<String> },
    /// Hands records from one sub-topology to another.
    Repartition,
    /// One that the application declares.
    Declared,
}

impl ExpectedTopic {
    /// Why the application must not run with what was found, and the fix.
    pub(super) fn refusal(&self, found: &TopicDescription) -> Option<String> {
        let wanted = self.spec.partitions;
        if found.partitions != wanted {
            return Some(self.wrong_count(found));
        }
        let name = &found.name;
        let policy = &found.cleanup_policy;
        let (compacts, deletes) = (policy.contains("compact"), policy.contains("delete"));
        let alter = |right: &str| {
            format!(
                "alter it: kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config \
                 cleanup.policy={right}"
            )
        };
        match &self.role {
            Role::Changelog { .. } if deletes || !compacts => Some(format!(
                "changelog {name} has cleanup.policy={policy}, and it must be compact alone, or state that is not written \
                 for a while would be deleted with age and be missing after the next restore; {}",
                alter("compact")
            )),
            Role::Repartition if compacts => Some(format!(
                "repartition topic {name} has cleanup.policy={policy}, and it must be delete alone, or records that are not \
                 processed yet would be compacted away; {}",
                alter("delete")
            )),
            Role::Declared if self.is_compacted() && !compacts => Some(format!(
                "topic {name} has cleanup.policy={policy}, and compact is needed, or the latest value of a key would be \
                 deleted with age; {}",
                alter("compact")
            )),
            _ => None,
        }
    }

    /// What may be meant so, but loses data.
    pub(super) fn warning(&self, found: &TopicDescription) -> Option<String> {
        let (name, policy) = (&found.name, &found.cleanup_policy);
        let loses = self.role == Role::Declared
            && self.policy() == Some("compact")
            && policy.contains("delete");
        loses.then(|| {
            format!(
                "topic {name} has cleanup.policy={policy}: the latest value of a key that is not written for its \
                 retention.ms is deleted; if that is not meant, set it to compact alone"
            )
        })
    }

    fn policy(&self) -> Option<&str> {
        let mut config = self.spec.config.iter();
        config
            .find(|(key, _)| key == "cleanup.policy")
            .map(|(_, value)| value.as_str())
    }

    fn is_compacted(&self) -> bool {
        self.policy()
            .is_some_and(|policy| policy.contains("compact"))
    }

    fn wrong_count(&self, found: &TopicDescription) -> String {
        let (name, has, wanted) = (&found.name, found.partitions, self.spec.partitions);
        match &self.role {
            Role::Changelog { input: Some(input) } => {
                changed(input, wanted, &format!("changelog {name}"), has)
            }
            Role::Changelog { input: None } => format!(
                "changelog {name} has {has} partitions and there are {wanted} tasks now: keys would belong to other tasks \
                 than those that hold their state. Go back to {has}, or start under a new application id"
            ),
            Role::Repartition => format!(
                "repartition topic {name} has {has} partitions and {wanted} are configured: keys would belong to other \
                 tasks than those that hold their state. Go back to {has}, or start under a new application id"
            ),
            Role::Declared => format!(
                "topic {name} has {has} partitions and {wanted} are configured: records of one key would change \
                 partitions. Configure {has}, or let the output go to a new topic"
            ),
        }
    }
}

/// The partition count of an input is not what `place` was built with.
pub(super) fn changed(input: &str, now: i32, place: &str, before: i32) -> String {
    let fix = if now > before {
        format!(
            "Kafka cannot take partitions away, so let the producers write to a new topic with {before} partitions"
        )
    } else {
        format!("Give {input} {before} partitions again")
    };
    format!(
        "{input} has {now} partitions, and {place}, which holds the state built from it, has {before}: records of a key \
         would go to another task than the one that holds its state. {fix}, or start under a new application id, which \
         builds everything anew from the beginning"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(role: Role, policy: &str) -> ExpectedTopic {
        let spec = TopicSpec {
            name: "t".to_owned(),
            partitions: 4,
            replication_factor: 1,
            config: vec![("cleanup.policy".to_owned(), policy.to_owned())],
        };
        ExpectedTopic { spec, role }
    }

    fn found(partitions: i32, policy: &str) -> TopicDescription {
        TopicDescription {
            name: "t".to_owned(),
            partitions,
            max_message_bytes: 1_000_000,
            cleanup_policy: policy.to_owned(),
        }
    }

    #[test]
    fn a_changelog_is_compacted_and_nothing_else() {
        let input = Some("orders".to_owned());
        let changelog = expected(Role::Changelog { input }, "compact");
        assert_eq!(changelog.refusal(&found(4, "compact")), None);
        for policy in ["delete", "compact,delete", "delete,compact"] {
            let refusal = changelog.refusal(&found(4, policy)).unwrap();
            assert!(
                refusal.starts_with("changelog t has cleanup.policy="),
                "{refusal}"
            );
            assert!(
                refusal.ends_with("--add-config cleanup.policy=compact"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_repartition_topic_is_never_compacted() {
        let repartition = expected(Role::Repartition, "delete");
        assert_eq!(repartition.refusal(&found(4, "delete")), None);
        for policy in ["compact", "compact,delete"] {
            let refusal = repartition.refusal(&found(4, policy)).unwrap();
            assert!(refusal.contains("compacted away"), "{refusal}");
        }
    }

    #[test]
    fn a_declared_topic_that_is_compacted_may_delete_too_but_that_is_told() {
        let state = expected(Role::Declared, "compact");
        assert!(state.refusal(&found(4, "delete")).is_some());
        assert_eq!(state.refusal(&found(4, "compact,delete")), None);
        assert!(state.warning(&found(4, "compact,delete")).is_some());
        assert_eq!(state.warning(&found(4, "compact")), None);
        let aggregates = expected(Role::Declared, "compact,delete");
        assert_eq!(
            aggregates.warning(&found(4, "compact,delete")),
            None,
            "as declared"
        );
        assert_eq!(
            expected(Role::Declared, "delete").refusal(&found(4, "delete")),
            None
        );
    }

    #[test]
    fn a_count_that_changed_is_told_with_both_topics_and_the_fix() {
        let input = Some("orders".to_owned());
        let changelog = expected(Role::Changelog { input }, "compact");
        let raised = changelog.refusal(&found(2, "compact")).unwrap();
        assert!(
            raised.starts_with("orders has 4 partitions, and changelog t, which holds the state built from it, has 2"),
            "{raised}"
        );
        assert!(raised.contains("new topic with 2 partitions"), "{raised}");
        let lowered = changelog.refusal(&found(8, "compact")).unwrap();
        assert!(
            lowered.contains("Give orders 8 partitions again"),
            "{lowered}"
        );
    }
}
