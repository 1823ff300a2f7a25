//! Nodes of the cluster that are killed, stopped and frozen, one at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jumun_harness::Cluster;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Between two of them, so that the cluster is whole for most of the time, in seconds.
const QUIET: (f64, f64) = (15.0, 40.0);
/// For so long a node is gone or frozen, in seconds.
const GONE: (f64, f64) = (1.0, 6.0);

/// Disturbs one node after the other until told to end, and leaves the cluster whole; what was done.
pub fn disturb(
    cluster: &mut Cluster,
    seed: u64,
    first: Duration,
    over: &AtomicBool,
) -> Vec<String> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut done = Vec::new();
    let mut quiet = first;
    while pass(quiet, over) {
        let node = random.random_range(0..cluster.len());
        let gone = Duration::from_secs_f64(random.random_range(GONE.0..GONE.1));
        let began = Instant::now();
        let how = match random.random_range(0..3) {
            0 => {
                cluster.kill9(node).unwrap();
                thread::sleep(gone);
                cluster.start_again(node).unwrap();
                "killed"
            }
            1 => {
                cluster.stop(node).unwrap();
                cluster.start_again(node).unwrap();
                "restarted"
            }
            _ => {
                cluster.pause(node).unwrap();
                thread::sleep(gone);
                cluster.resume(node).unwrap();
                "frozen"
            }
        };
        cluster.wait_ready().unwrap();
        done.push(format!(
            "node {node} {how}, whole again after {:.1} s",
            began.elapsed().as_secs_f64()
        ));
        quiet = Duration::from_secs_f64(random.random_range(QUIET.0..QUIET.1));
    }
    done
}

/// Whether it is still not over after a while.
fn pass(time: Duration, over: &AtomicBool) -> bool {
    let end = Instant::now() + time;
    while Instant::now() < end && !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(100));
    }
    !over.load(Ordering::Relaxed)
}
