use super::*;

fn demand(input_partitions: usize, changelog_partitions: usize, threads: usize) -> MemoryDemand {
    MemoryDemand {
        threads,
        input_partitions,
        changelog_partitions,
    }
}

#[test]
fn the_parts_are_the_whole() {
    for mib in [128, 160, 512, 3 * 1024, 1 << 20] {
        for block_cache_bytes in [None, Some(20 * MIB)] {
            let budget = MemoryBudget {
                max_bytes: mib * MIB,
                block_cache_bytes,
            };
            let shares = budget.divide(demand(6, 5, 1)).unwrap();
            assert_eq!(shares.total(), budget.max_bytes, "{shares}");
            assert!(shares.rest >= REST_BYTES, "{shares}");
            assert!(
                shares.rest * 100 >= budget.max_bytes / 100 * 100 * 14,
                "{shares}"
            );
            if let Some(cache) = block_cache_bytes {
                assert_eq!(shares.block_cache, cache);
            }
        }
    }
}

/// What the queues of all partitions may hold, with all that comes with it, is no more than their share.
#[test]
fn queues_stay_within_their_share_whatever_the_number_of_partitions() {
    for (inputs, changelogs) in [(1, 1), (6, 5), (18, 14), (98, 74), (150, 110)] {
        let shares = MemoryBudget::new(512 * MIB)
            .divide(demand(inputs, changelogs, 2))
            .unwrap();
        let held = |queue: QueueMemory| {
            queue.queue_bytes
                + queue.queue_records * RECORD_OVERHEAD
                + 4 * queue.fetch_bytes
                + 2 * queue.batch_bytes
        };
        let clients = shares.clients();
        assert!(
            held(clients.input) * inputs <= shares.inputs,
            "{inputs}: {shares}"
        );
        assert!(
            held(clients.reader) * changelogs <= shares.restores,
            "{inputs}: {shares}"
        );
        let producer = clients.producer_bytes + clients.producer_records * SENT_OVERHEAD;
        assert!(2 * producer < shares.producers, "{shares}");
        assert!(2 * shares.commit_bytes() <= shares.uncommitted, "{shares}");
    }
}

#[test]
fn a_usual_application_gets_queues_that_do_not_stutter() {
    let shares = MemoryBudget::new(512 * MIB)
        .divide(demand(18, 14, 1))
        .unwrap();
    let input = shares.clients().input;
    assert!(input.queue_records >= 1_500, "{input:?}");
    assert!(input.fetch_bytes >= 900 * KIB, "{input:?}");
    let shares = MemoryBudget::new(512 * MIB)
        .divide(demand(98, 74, 1))
        .unwrap();
    let input = shares.clients().input;
    assert!(input.queue_records >= 250, "{input:?}");
    assert!(input.fetch_bytes >= 128 * KIB, "{input:?}");
}

#[test]
fn too_many_partitions_are_refused_with_the_budget_that_would_do() {
    let many = demand(250, 100, 1);
    let refused = MemoryBudget::new(512 * MIB)
        .divide(many)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("memory_max_bytes = 536870912"),
        "{refused}"
    );
    assert!(
        refused.contains("250 partitions of inputs and 100 of changelogs"),
        "{refused}"
    );
    let smallest = MemoryBudget::new(512 * MIB).smallest_for(many);
    assert!(
        refused.contains(&format!("set it to {smallest} or more")),
        "{refused}"
    );
    assert!(MemoryBudget::new(smallest).divide(many).is_ok());
    assert!(MemoryBudget::new(smallest - MIB).divide(many).is_err());
    assert!(
        MemoryBudget::new(512 * MIB)
            .divide(demand(190, 140, 1))
            .is_ok()
    );
    assert!(
        MemoryBudget::new(512 * MIB)
            .divide(demand(18, 14, 32))
            .is_err()
    );
}

#[test]
fn a_block_cache_that_leaves_nothing_is_refused() {
    let budget = MemoryBudget {
        max_bytes: 256 * MIB,
        block_cache_bytes: Some(250 * MIB),
    };
    let refused = budget.divide(demand(6, 5, 1)).unwrap_err().to_string();
    assert!(refused.contains("set it to"), "{refused}");
}
