//! Who may cancel when. Platforms differ and it changes, so it is data.

use super::actor::{ActorSet, ActorType};
use super::status::DisplayStatus;

/// Who may cancel in one display status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelRights {
    /// The display status before the cancel.
    pub status: DisplayStatus,
    /// Who may cancel.
    pub actors: ActorSet,
    /// Who may cancel if a reason is given.
    pub with_reason: ActorSet,
}

const CUSTOMER_CS_SYSTEM: ActorSet = ActorSet::EMPTY
    .with(ActorType::Customer)
    .with(ActorType::Cs)
    .with(ActorType::System);
const CS_SYSTEM: ActorSet = ActorSet::EMPTY.with(ActorType::Cs).with(ActorType::System);
const CS: ActorSet = ActorSet::EMPTY.with(ActorType::Cs);
const STORE: ActorSet = ActorSet::EMPTY.with(ActorType::Store);

const fn rights(status: DisplayStatus, actors: ActorSet, with_reason: ActorSet) -> CancelRights {
    CancelRights {
        status,
        actors,
        with_reason,
    }
}

/// The rights of the marketplace. A status that is not here allows nobody.
pub const CANCEL_RIGHTS: &[CancelRights] = &[
    rights(
        DisplayStatus::PaymentWait,
        CUSTOMER_CS_SYSTEM,
        ActorSet::EMPTY,
    ),
    rights(
        DisplayStatus::WaitingAccept,
        CUSTOMER_CS_SYSTEM,
        ActorSet::EMPTY,
    ),
    rights(DisplayStatus::Accepted, CS_SYSTEM, STORE),
    rights(DisplayStatus::Cooking, CS_SYSTEM, STORE),
    rights(DisplayStatus::Ready, CS_SYSTEM, STORE),
    rights(DisplayStatus::Delivering, CS, ActorSet::EMPTY),
    rights(DisplayStatus::Failed, CS, ActorSet::EMPTY),
    rights(DisplayStatus::Returned, CS, ActorSet::EMPTY),
];

/// Whether the actor may cancel an order in this status.
#[must_use]
pub fn may_cancel(
    rights: &[CancelRights],
    status: DisplayStatus,
    actor: ActorType,
    has_reason: bool,
) -> bool {
    rights
        .iter()
        .find(|row| row.status == status)
        .is_some_and(|row| {
            row.actors.contains(actor) || (has_reason && row.with_reason.contains(actor))
        })
}
