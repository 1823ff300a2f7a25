//! A day that was sent as a backlog, and a processor that works on it.

use jumun_harness::{Broker, wait_for};
use tempfile::TempDir;

use super::accounts::Accounts;
use crate::support::operator::Operator;
use crate::support::processor::{Processor, Setup, TIMEOUT};
use crate::support::topics::{Outputs, ends, input_records, redriven, wait_settled};
use crate::support::turns::{self, Turn};

const APPLICATION: &str = "faulty";
/// Nothing comes that late: what is still missing then is lost.
const PATIENCE_MS: &str = "4000";

pub struct Trial {
    processor: Processor,
    pub broker: Broker,
    _state: TempDir,
    _turn: Turn,
}

impl Trial {
    /// Sends a day, then has it judged under the default ordering until nothing waits any more.
    pub fn run(send: impl FnOnce(&Broker)) -> Self {
        let turn = turns::take();
        let broker = Broker::start().unwrap();
        crate::support::topics::create_inputs(&broker, 4);
        send(&broker);
        let state = tempfile::tempdir().unwrap();
        let processor = Setup::new(&broker, APPLICATION, state.path())
            .setting("parking.wait_ms", PATIENCE_MS)
            .setting("parking.payment_wait_ms", PATIENCE_MS)
            // More poison than a healthy source sends, and no reason to stop.
            .setting("dead_letters.share", "0.05")
            .start_ready();
        let mut trial = Self {
            processor,
            broker,
            _state: state,
            _turn: turn,
        };
        trial.settle();
        trial
    }

    pub fn operator(&self) -> Operator<'_> {
        Operator(&self.broker)
    }

    /// Waits until everything was consumed, what was redriven too, and nothing is parked.
    pub fn settle(&mut self) {
        let ends = ends(&input_records(&self.broker));
        wait_settled(&self.broker, APPLICATION, &ends, 2 * TIMEOUT);
        let sent: u64 = ends.values().map(|end| u64::try_from(*end).unwrap()).sum();
        let (processor, broker) = (&mut self.processor, &self.broker);
        let at_rest = || {
            let consumed = processor.sum("order_events_consumed_total");
            let parked = processor.sum("order_parked");
            // Read last: what the end of the waiting redrove meanwhile is not consumed yet.
            let redriven = redriven(broker).len() as u64;
            (parked == 0 && consumed == sent + redriven).then_some(())
        };
        wait_for("an end of all waiting", 2 * TIMEOUT, at_rest).unwrap_or_else(|error| {
            let counted = ["order_parked{", "order_events_consumed_total{"]
                .map(|name| self.processor.metrics(name));
            panic!("{error}: {sent} sent, {counted:?}")
        });
    }

    /// What became of everything so far.
    pub fn accounts(&mut self) -> Accounts {
        Accounts {
            inputs: input_records(&self.broker),
            redriven: redriven(&self.broker),
            outputs: Outputs::read(&self.broker).whole(),
            outcomes: self.processor.outcomes(),
            consumed: self.processor.sum("order_events_consumed_total"),
            parked: self.processor.sum("order_parked"),
            violations: self.processor.violations(),
            in_flight: [
                self.processor.sum("order_records_in_flight"),
                self.processor.sum("order_in_flight"),
            ],
        }
    }

    pub fn end(self) {
        self.processor.stop();
    }
}
