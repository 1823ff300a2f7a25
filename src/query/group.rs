//! Which instance has which partition. The group is asked on a thread of its own, because the calls block and Kafka's
//! clients must not live within async code; what it says is good for a moment, for all who ask meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use topology::io::{Admin, Log};
use topology::runtime::ClientId;
use topology::{Error, ErrorClass};

use crate::job::topics::ORDER_EVENTS;

/// How long the group's answer is good.
const FRESH: Duration = Duration::from_secs(1);
/// The same of a failure: whoever asks in a hurry must not make the brokers' trouble worse.
const FRESH_FAILURE: Duration = Duration::from_millis(300);
/// Longest wait for each of the two calls.
const CALL: Duration = Duration::from_secs(2);
/// Askers that may wait for the thread at a time.
const WAITING: usize = 64;
/// Longest wait for the thread at the end: longer than its calls take.
const CLOSE: Duration = Duration::from_secs(5);

/// Who has what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Partitions of the inputs.
    pub partitions: i32,
    /// The instances, by partition; one that nobody has is not there.
    pub owners: BTreeMap<i32, Owner>,
    /// Why nobody has anything, while partitions are handed out.
    pub unsettled: Option<String>,
}

/// An instance that has a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Its id; that of its client where it is none of ours.
    pub instance: String,
    /// `host:port` where it answers, if it told.
    pub server: Option<String>,
}

/// Asks the group.
pub trait GroupReader {
    /// Who has what now.
    ///
    /// # Errors
    /// Retriable while nobody can tell.
    fn read(&mut self) -> Result<Group, Error>;
}

/// Makes a [`GroupReader`] on the thread that will use it.
pub type MakeReader = Box<dyn FnOnce() -> Box<dyn GroupReader> + Send>;

/// Asks the brokers of a log about an application's group.
#[must_use]
pub fn admin_reader(log: Arc<dyn Log>, application_id: &str, client_id: &str) -> MakeReader {
    let (application_id, client_id) = (application_id.to_owned(), client_id.to_owned());
    Box::new(move || {
        Box::new(AdminReader {
            log,
            admin: None,
            application_id,
            client_id,
        })
    })
}

struct AdminReader {
    log: Arc<dyn Log>,
    /// None before the first question.
    admin: Option<Box<dyn Admin>>,
    application_id: String,
    client_id: String,
}

impl GroupReader for AdminReader {
    fn read(&mut self) -> Result<Group, Error> {
        let admin = match &mut self.admin {
            Some(admin) => admin,
            none => none.insert(self.log.admin(&self.client_id)?),
        };
        // All inputs have the same partitions, and a task has the same of each.
        let described = admin.describe_topics(&[ORDER_EVENTS], CALL)?;
        let partitions = described.into_iter().flatten().next();
        let partitions = partitions.map(|topic| topic.partitions).ok_or_else(|| {
            let detail = format!("topic {ORDER_EVENTS} does not exist");
            Error::new(ErrorClass::Retriable, "find the owner of an order", detail)
        })?;
        let mut owners = BTreeMap::new();
        let members = match admin.group_members(&self.application_id, CALL) {
            Ok(members) => members,
            // The brokers have just answered, so it is the group that is not ready.
            Err(error) if error.class() == ErrorClass::Retriable => {
                return Ok(Group {
                    partitions,
                    owners,
                    unsettled: Some(error.to_string()),
                });
            }
            Err(error) => return Err(error),
        };
        for member in members {
            let owner = match ClientId::parse(&member.client_id) {
                Some(id) => Owner {
                    instance: id.instance_id,
                    server: id.application_server,
                },
                None => Owner {
                    instance: member.client_id,
                    server: None,
                },
            };
            for partition in member.partitions {
                if partition.topic == ORDER_EVENTS {
                    owners.insert(partition.partition, owner.clone());
                }
            }
        }
        Ok(Group {
            partitions,
            owners,
            unsettled: None,
        })
    }
}

/// What the thread answers.
pub type GroupAnswer = Result<Arc<Group>, Arc<Error>>;

type Question = oneshot::Sender<GroupAnswer>;

/// The thread that asks the group.
pub struct GroupThread {
    questions: Mutex<Option<mpsc::Sender<Question>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl GroupThread {
    /// Starts the thread. It asks nothing before somebody asks it.
    ///
    /// # Errors
    /// When the system has no thread.
    pub fn start(make: MakeReader) -> io::Result<Self> {
        let (questions, asked) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("order-query".to_owned())
            .spawn(move || answer_all(asked, make().as_mut()))?;
        Ok(Self {
            questions: Mutex::new(Some(questions)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Asks. None if too many are asking, or the thread has ended.
    pub(super) fn ask(&self) -> Option<oneshot::Receiver<GroupAnswer>> {
        let (question, answer) = oneshot::channel();
        let questions = self.questions.lock();
        questions.as_ref()?.try_send(question).ok()?;
        Some(answer)
    }

    /// Ends the thread and waits for it a little, so that its client is gone before the process ends. Blocks; not for
    /// async code.
    pub fn close(&self) {
        drop(self.questions.lock().take());
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        let deadline = Instant::now() + CLOSE;
        while !thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn answer_all(mut asked: mpsc::Receiver<Question>, reader: &mut dyn GroupReader) {
    let mut known: Option<(Instant, GroupAnswer)> = None;
    while let Some(question) = asked.blocking_recv() {
        let fresh = known.as_ref().filter(|(since, answer)| {
            let limit = match answer {
                Ok(_) => FRESH,
                Err(_) => FRESH_FAILURE,
            };
            since.elapsed() < limit
        });
        let answer = match fresh {
            Some((_, answer)) => answer.clone(),
            None => {
                let answer = reader.read().map(Arc::new).map_err(Arc::new);
                known = Some((Instant::now(), answer.clone()));
                answer
            }
        };
        // Whoever asked may have gone.
        let _ = question.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Counting(Arc<AtomicU32>, bool);

    impl GroupReader for Counting {
        fn read(&mut self) -> Result<Group, Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            match self.1 {
                true => Ok(Group::default()),
                false => Err(Error::new(ErrorClass::Retriable, "describe group", "gone")),
            }
        }
    }

    #[test]
    fn many_who_ask_at_once_share_an_answer_and_it_does_not_last() {
        for (is_well, lasts) in [(true, FRESH), (false, FRESH_FAILURE)] {
            let reads = Arc::new(AtomicU32::new(0));
            let counted = Arc::clone(&reads);
            let make: MakeReader = Box::new(move || Box::new(Counting(counted, is_well)));
            let thread = GroupThread::start(make).unwrap();
            assert_eq!(reads.load(Ordering::SeqCst), 0, "nobody asked");
            let answers: Vec<_> = (0..20).map(|_| thread.ask().unwrap()).collect();
            for answer in answers {
                assert_eq!(answer.blocking_recv().unwrap().is_ok(), is_well);
            }
            assert_eq!(reads.load(Ordering::SeqCst), 1);
            std::thread::sleep(lasts + Duration::from_millis(50));
            let again = thread.ask().unwrap().blocking_recv().unwrap();
            assert_eq!(again.is_ok(), is_well);
            assert_eq!(reads.load(Ordering::SeqCst), 2);
            thread.close();
            assert!(thread.ask().is_none());
        }
    }
}
