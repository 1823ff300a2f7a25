//! The second half of step 1: what is behind a sound envelope.

use super::action::Action;
use super::actor::Liability;
use super::decode::{Completeness, malformed, not_a, text_span};
use super::event::{Defect, Member, OrderEvent, Span};
use super::info::{InfoField, InfoFieldSet, InfoType};
use super::json::{Kind, Token};
use super::lifecycle::row;
use super::outcome::DeadLetterReason;
use super::reason::Reason;
use super::regions::Fulfilment;
use super::time::parse_rfc3339;
use super::upcast::{upcast_versions, upcaster};

/// The schema version that this program speaks itself; others need an [upcaster](super::upcast).
pub const SCHEMA_VERSION: i64 = 1;

/// What is behind a sound envelope: action, schema version and information.
pub(super) fn read_information(event: &mut OrderEvent) {
    event.defect = find_defect(event).err();
}

fn find_defect(event: &mut OrderEvent) -> Result<(), Defect> {
    let Some(action) = event.action else {
        return Err(Defect {
            reason: DeadLetterReason::UnknownAction,
            message: format!("action {} is not known", event.action_name()),
        });
    };
    let row = row(action);
    let told = match event.completeness {
        Completeness::Full => event.schema_version,
        _ => event.schema_version.or(Some(SCHEMA_VERSION)),
    };
    if told != Some(SCHEMA_VERSION) {
        let Some(upcaster) = told.and_then(|version| upcaster(action, version)) else {
            return Err(unknown_version(action, told));
        };
        (upcaster.upcast)(event)?;
    }
    let members = std::mem::take(&mut event.members);
    let mut given = InfoFieldSet::EMPTY;
    let mut wrong = None;
    for Member {
        field,
        value: token,
        ..
    } in &members
    {
        let Some(field) = *field else { continue };
        if token.kind == Kind::Null || !row.info.contains(field) {
            continue;
        }
        if given.contains(field) {
            wrong
                .get_or_insert_with(|| malformed(&format!("info.{} is there twice", field.name())));
        }
        given = given.with(field);
        if let Err(defect) = read_field(event, field, token) {
            wrong.get_or_insert(defect);
        }
    }
    event.members = members;
    // A reset without its version is none; all else may be unknown.
    let required = match event.completeness {
        Completeness::Thin if row.required.contains(InfoField::Version) => {
            InfoFieldSet::EMPTY.with(InfoField::Version)
        }
        Completeness::Thin => InfoFieldSet::EMPTY,
        _ => row.required,
    };
    if let Some(field) = required.minus(given).iter().next() {
        return Err(unsupported(format!("info.{} is missing", field.name())));
    }
    if let Some(defect) = wrong {
        return Err(defect);
    }
    if !row.aggregates.contains(event.aggregate()) {
        return Err(malformed(&format!(
            "{} is no event of a target of type {}",
            action.name(),
            event.aggregate().name()
        )));
    }
    Ok(())
}

#[cold]
fn unknown_version(action: Action, told: Option<i64>) -> Defect {
    let found = told.map_or_else(|| "none".to_owned(), |version| version.to_string());
    let others = upcast_versions(action).map(|version| format!(" and {version}"));
    let others: String = others.collect();
    let are = if others.is_empty() { "is" } else { "are" };
    unsupported(format!(
        "schema.version is {found}, only {SCHEMA_VERSION}{others} {are} understood"
    ))
}

#[cold]
fn unsupported(message: String) -> Defect {
    Defect {
        reason: DeadLetterReason::UnsupportedSchema,
        message,
    }
}

fn read_field(event: &mut OrderEvent, field: InfoField, token: &Token) -> Result<(), Defect> {
    let wrong = |expected: &str| not_a(&format!("info.{}", field.name()), expected);
    let integer = |event: &OrderEvent| -> Option<i64> {
        (token.kind == Kind::Integer)
            .then(|| {
                event
                    .text(Span {
                        start: token.start,
                        end: token.end,
                    })
                    .parse()
                    .ok()
            })
            .flatten()
    };
    match field.info_type() {
        InfoType::Boolean => {
            let value = match token.kind {
                Kind::True => true,
                Kind::False => false,
                _ => return Err(wrong("true or false")),
            };
            if field == InfoField::Recharge {
                event.info.recharge = value;
            }
        }
        InfoType::Integer => {
            let number = integer(event).ok_or_else(|| wrong("an integer"))?;
            if field == InfoField::CookMinutes {
                event.info.cook_minutes = Some(number);
            }
        }
        InfoType::Money => {
            let number = integer(event)
                .filter(|&won| won >= 0)
                .ok_or_else(|| wrong("an integer number of won from 0 upwards"))?;
            match field {
                InfoField::Amount => event.info.amount = Some(number),
                InfoField::Discount => event.info.discount = Some(number),
                _ => {}
            }
        }
        InfoType::Version => {
            let number = integer(event).and_then(|number| u64::try_from(number).ok());
            event.info.version = Some(number.ok_or_else(|| wrong("an integer from 0 upwards"))?);
        }
        InfoType::Text
        | InfoType::Time
        | InfoType::Fulfilment
        | InfoType::Liability
        | InfoType::Reason => {
            if token.kind != Kind::String {
                return Err(wrong("a string"));
            }
            let span = text_span(&mut event.text, token).ok_or_else(|| wrong("text"))?;
            read_text(event, field, span).ok_or_else(|| wrong("a known value"))?;
        }
    }
    Ok(())
}

/// Keeps the value of a field that is text; none if it is not a value of the field.
fn read_text(event: &mut OrderEvent, field: InfoField, span: Span) -> Option<()> {
    let text = event.text.get(span.start..span.end)?;
    let info = &mut event.info;
    match field {
        InfoField::StoreId => info.store_id = Some(span),
        InfoField::Category => info.category = Some(span),
        InfoField::Sido => info.sido = Some(span),
        InfoField::Sigungu => info.sigungu = Some(span),
        InfoField::Dong => info.dong = Some(span),
        InfoField::CustomerId => info.customer_id = Some(span),
        InfoField::PaymentMethod => info.payment_method = Some(span),
        InfoField::PromisedAt => info.promised_at = Some(parse_rfc3339(text)?),
        InfoField::Fulfilment => info.fulfilment = Some(Fulfilment::from_name(text)?),
        InfoField::Liability => info.liability = Some(Liability::from_name(text)?),
        InfoField::Reason if !text.is_empty() => {
            let reason = Reason::from_name(text);
            info.unknown_reason = reason.is_none();
            info.reason = Some(reason.unwrap_or(Reason::Other));
        }
        _ => {}
    }
    Some(())
}
