use topology::process::{ProcessError, Processor, ProcessorContext, Record};

use super::codec::JsonText;
use super::judged::Judged;

/// Passes on one of the records that judging came to, if there is one: each goes to a topic of its own.
pub(super) struct Tell(pub(super) fn(&Judged) -> &JsonText);

impl Processor for Tell {
    type Key = String;
    type Value = Judged;
    type OutKey = String;
    type OutValue = JsonText;

    fn process(
        &mut self,
        record: Record<'_, String, Judged>,
        context: &mut ProcessorContext<'_, '_, String, JsonText>,
    ) -> Result<(), ProcessError> {
        let json = (self.0)(record.value);
        if json.0.is_empty() {
            return Ok(());
        }
        context.forward(record.with_value(json))
    }
}
