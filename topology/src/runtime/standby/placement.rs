//! Which copies an instance keeps.
//!
//! librdkafka takes no assignor of ours, so nobody hands standbys out: each instance works out by itself what it would be
//! given if any one of the others were gone, and keeps copies of what of that it does not run. The range assignor makes
//! this the same for all: the sum of what they keep is one copy of each task, or little more, and whoever gets a task has
//! one, also where partitions move on between instances that live.

use std::collections::{BTreeMap, BTreeSet};

use super::super::client_id::ClientId;
use crate::io::range::range;
use crate::io::{GroupMember, TopicPartition};
use crate::task::TaskId;

/// A sub-topology as the assignor sees it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) index: u32,
    /// All of them have as many partitions, because they are read together.
    pub(super) inputs: Vec<String>,
    pub(super) partitions: i32,
}

/// A member with the names by which it is sorted and belongs to an instance.
struct Member<'a> {
    instance: String,
    /// As in `group.instance.id`.
    name: String,
    described: &'a GroupMember,
}

/// The tasks of `parts` of which the instance keeps copies, with the members of the group as they are described; `None`
/// if the instance is none of them, or the range assignor does not explain what they have now, so that nothing can be said
/// of what they would have.
pub(super) fn standby_tasks(
    parts: &[Part],
    described: &[GroupMember],
    instance_id: &str,
) -> Option<BTreeSet<TaskId>> {
    let mut members: Vec<Member<'_>> = described.iter().map(member).collect();
    members
        .iter()
        .find(|member| member.instance == instance_id)?;
    // Static members are sorted by their names. Others by ids that are not told, but seen in what they have.
    members.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
    if !is_explained(parts, &members) {
        let widest = parts.iter().max_by_key(|part| part.partitions)?;
        members.sort_by_key(|member| first_partition(member.described, widest));
        if !is_explained(parts, &members) {
            return None;
        }
    }
    let all: Vec<&Member<'_>> = members.iter().collect();
    let present = tasks_of(parts, &all, instance_id);
    let others: BTreeSet<&str> = members
        .iter()
        .map(|member| member.instance.as_str())
        .filter(|instance| *instance != instance_id)
        .collect();
    let mut kept = BTreeSet::new();
    for gone in others {
        let left: Vec<&Member<'_>> = members.iter().filter(|it| it.instance != gone).collect();
        kept.extend(tasks_of(parts, &left, instance_id));
    }
    Some(kept.difference(&present).copied().collect())
}

fn member(described: &GroupMember) -> Member<'_> {
    match ClientId::parse(&described.client_id) {
        Some(id) => Member {
            name: id.group_instance_id(),
            instance: id.instance_id,
            described,
        },
        None => Member {
            instance: described.client_id.clone(),
            name: described.client_id.clone(),
            described,
        },
    }
}

fn first_partition(member: &GroupMember, part: &Part) -> i32 {
    let of_part = member
        .partitions
        .iter()
        .filter(|partition| part.inputs.contains(&partition.topic));
    of_part
        .map(|partition| partition.partition)
        .min()
        .unwrap_or(i32::MAX)
}

/// Whether the members in this order have what the range assignor gives them.
fn is_explained(parts: &[Part], members: &[Member<'_>]) -> bool {
    let mut shares: BTreeMap<usize, BTreeSet<TopicPartition>> = BTreeMap::new();
    for part in parts {
        for topic in &part.inputs {
            for index in 0..members.len() {
                let given = range(part.partitions, members.len(), index);
                let given = given.map(|partition| TopicPartition::new(topic, partition));
                shares.entry(index).or_default().extend(given);
            }
        }
    }
    let mut indexed = members.iter().enumerate();
    indexed.all(|(index, member)| {
        let has: BTreeSet<TopicPartition> = member.described.partitions.iter().cloned().collect();
        shares.get(&index).is_none_or(|share| *share == has)
    })
}

/// What the threads of an instance are given among these members.
fn tasks_of(parts: &[Part], members: &[&Member<'_>], instance_id: &str) -> BTreeSet<TaskId> {
    let mut tasks = BTreeSet::new();
    for (index, _) in members
        .iter()
        .enumerate()
        .filter(|(_, member)| member.instance == instance_id)
    {
        for part in parts {
            let given = range(part.partitions, members.len(), index);
            tasks.extend(given.map(|partition| TaskId {
                subtopology: part.index,
                partition,
            }));
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(partitions: i32) -> Part {
        Part {
            index: 0,
            inputs: vec!["orders".to_owned(), "payments".to_owned()],
            partitions,
        }
    }

    /// Instances `a`, `b`, …, each with so many threads, as the range assignor serves them.
    fn group(instances: &[char], threads: usize, parts: &[Part]) -> Vec<GroupMember> {
        let mut names: Vec<String> = Vec::new();
        for instance in instances {
            names.extend((0..threads).map(|thread| format!("{instance}-{thread}@host:1")));
        }
        names.sort();
        let count = names.len();
        let members = names.into_iter().enumerate().map(|(index, client_id)| {
            let mut partitions = Vec::new();
            for part in parts {
                for topic in &part.inputs {
                    let given = range(part.partitions, count, index);
                    partitions.extend(given.map(|number| TopicPartition::new(topic, number)));
                }
            }
            partitions.sort();
            GroupMember {
                client_id,
                host: String::new(),
                partitions,
            }
        });
        members.collect()
    }

    fn numbers(tasks: BTreeSet<TaskId>) -> Vec<i32> {
        tasks.into_iter().map(|task| task.partition).collect()
    }

    fn runs(members: &[GroupMember], instance: char) -> BTreeSet<i32> {
        let of_instance = members
            .iter()
            .filter(|member| member.client_id.starts_with(instance));
        let partitions = of_instance.flat_map(|member| &member.partitions);
        partitions.map(|partition| partition.partition).collect()
    }

    #[test]
    fn of_two_instances_each_keeps_what_the_other_runs() {
        let parts = [part(4)];
        let members = group(&['a', 'b'], 1, &parts);
        let of = |instance| numbers(standby_tasks(&parts, &members, instance).unwrap());
        assert_eq!(of("a"), [2, 3]);
        assert_eq!(of("b"), [0, 1]);
    }

    #[test]
    fn of_three_instances_the_one_that_a_partition_moves_on_to_has_it_too() {
        let parts = [part(6)];
        let members = group(&['a', 'b', 'c'], 1, &parts);
        let of = |instance| numbers(standby_tasks(&parts, &members, instance).unwrap());
        // Without `a`, partition 3 goes from `b` to `c`; without `c`, partition 2 from `b` to `a`.
        assert_eq!(of("a"), [2]);
        assert_eq!(of("b"), [0, 1, 4, 5]);
        assert_eq!(of("c"), [3]);
    }

    /// Whoever dies, every task is where it was or goes to an instance that has a copy; and copies are few.
    #[test]
    fn whichever_instance_goes_nothing_begins_cold() {
        let instances = ['a', 'b', 'c', 'd', 'e', 'f'];
        let (mut copies, mut tasks) = (0, 0);
        for count in 2..=instances.len() {
            for threads in 1..=3 {
                for partitions in 1..=24 {
                    let (parts, alive) = ([part(partitions)], &instances[..count]);
                    let members = group(alive, threads, &parts);
                    let kept = |instance: char| -> BTreeSet<i32> {
                        let kept = standby_tasks(&parts, &members, &instance.to_string());
                        numbers(kept.unwrap()).into_iter().collect()
                    };
                    copies += alive.iter().map(|it| kept(*it).len()).sum::<usize>();
                    tasks += partitions as usize;
                    for gone in alive {
                        let left: Vec<char> =
                            alive.iter().copied().filter(|it| it != gone).collect();
                        let after = group(&left, threads, &parts);
                        for instance in left {
                            let warm = &runs(&members, instance) | &kept(instance);
                            let cold = &runs(&after, instance) - &warm;
                            assert!(cold.is_empty(), "{count}x{threads} {partitions}: {cold:?}");
                            assert!(kept(instance).is_disjoint(&runs(&members, instance)));
                        }
                    }
                }
            }
        }
        let per_task = copies as f64 / f64::from(tasks as u32);
        assert!(
            (1.0..1.1).contains(&per_task),
            "{per_task} copies of a task"
        );
    }

    #[test]
    fn members_whose_names_say_nothing_are_sorted_by_what_they_have() {
        let parts = [part(4)];
        let mut members = group(&['a', 'b'], 1, &parts);
        let (first, second) = members.split_at_mut(1);
        std::mem::swap(&mut first[0].partitions, &mut second[0].partitions);
        let of = |instance| numbers(standby_tasks(&parts, &members, instance).unwrap());
        assert_eq!(of("a"), [0, 1]);
        assert_eq!(of("b"), [2, 3]);
    }

    #[test]
    fn what_no_range_explains_is_nothing_to_go_by() {
        let parts = [part(4)];
        let mut members = group(&['a', 'b'], 1, &parts);
        members[1].partitions.pop();
        assert_eq!(standby_tasks(&parts, &members, "a"), None);
    }

    #[test]
    fn alone_there_is_nothing_to_keep() {
        let parts = [part(4)];
        let members = group(&['a'], 2, &parts);
        assert_eq!(standby_tasks(&parts, &members, "a"), Some(BTreeSet::new()));
        assert_eq!(standby_tasks(&parts, &[], "a"), None);
    }
}
