//! CloudEvents 1.0.
//!
//! Source: the "Kafka Protocol Binding" and the "JSON Event Format" of the specification, with its extensions
//! `partitionkey` and `recordedtime`. In binary mode the attributes are headers `ce_…` and the value is the data, in
//! structured mode (`content-type: application/cloudevents+json`) all is in the value. Attributes of our own are
//! `orderno` (else `partitionkey`, else `subject`, else the record's key), `targettype`, `targetid`, `version`,
//! `schemaversion`, `actortype` and `actorid`; `type` is the action, perhaps behind a reversed domain name.

use super::columns::Columns;
use super::fields::{Field, pick};
use super::router::Unescaped;
use super::stated::{Cloud, value};
use super::text::{trimmed, unescape};
use super::{base64, compose};
use crate::domain::action::Action;
use crate::domain::decode::malformed;
use crate::domain::event::{Defect, OrderEvent};

/// Media types of CloudEvents begin with this.
const MEDIA_TYPE: &[u8] = b"application/cloudevents";

/// Whether a content type says that the value is a CloudEvent.
pub(super) fn is_structured(content_type: Option<&[u8]>) -> bool {
    content_type
        .and_then(|content_type| content_type.get(..MEDIA_TYPE.len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(MEDIA_TYPE))
}

/// Whether the headers are those of a CloudEvent in binary mode: all that it must have.
pub(super) const fn is_binary(cloud: &Cloud<'_>) -> bool {
    cloud.specversion.is_some()
        && cloud.id.is_some()
        && cloud.kind.is_some()
        && cloud.source.is_some()
}

/// Decodes the event of a record in binary mode; an event without data has no value.
pub(super) fn read_binary(
    data: Option<&str>,
    content_type: Option<&[u8]>,
    cloud: &Cloud<'_>,
    key: Option<Field<'_>>,
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<(), Defect> {
    let attributes = Attributes {
        specversion: value("ce_specversion", cloud.specversion)?,
        id: value("ce_id", cloud.id)?,
        kind: value("ce_type", cloud.kind)?,
        source: value("ce_source", cloud.source)?,
        subject: value("ce_subject", cloud.subject)?,
        time: value("ce_time", cloud.time)?,
        partitionkey: value("ce_partitionkey", cloud.partitionkey)?,
        recordedtime: value("ce_recordedtime", cloud.recordedtime)?,
        orderno: value("ce_orderno", cloud.orderno)?,
        targettype: value("ce_targettype", cloud.targettype)?,
        targetid: value("ce_targetid", cloud.targetid)?,
        version: value("ce_version", cloud.version)?,
        schemaversion: value("ce_schemaversion", cloud.schemaversion)?,
        actortype: value("ce_actortype", cloud.actortype)?,
        actorid: value("ce_actorid", cloud.actorid)?,
        key,
    };
    if let Some(content_type) = value("content-type", content_type)? {
        refuse_other_than_json("content-type", content_type.written)?;
    }
    let data = data
        .map(trimmed)
        .filter(|text| !matches!(*text, "" | "null"));
    compose::read(data, &attributes.columns()?, out, event)
}

/// Decodes the event of a value in structured mode.
pub(super) fn read_structured(
    text: &str,
    key: Option<Field<'_>>,
    [buffer, _]: &mut Unescaped,
    out: &mut Vec<u8>,
    event: &mut OrderEvent,
) -> Result<(), Defect> {
    let names = [
        "specversion",
        "id",
        "type",
        "source",
        "subject",
        "time",
        "partitionkey",
        "recordedtime",
        "orderno",
        "targettype",
        "targetid",
        "version",
        "schemaversion",
        "actortype",
        "actorid",
        "datacontenttype",
        "data",
        "data_base64",
    ];
    let [
        specversion,
        id,
        kind,
        source,
        subject,
        time,
        partitionkey,
        recordedtime,
        orderno,
        targettype,
        targetid,
        version,
        schemaversion,
        actortype,
        actorid,
        datacontenttype,
        data,
        data_base64,
    ] = pick(text, names)?;
    let attributes = Attributes {
        specversion,
        id,
        kind,
        source,
        subject,
        time,
        partitionkey,
        recordedtime,
        orderno,
        targettype,
        targetid,
        version,
        schemaversion,
        actortype,
        actorid,
        key,
    };
    if let Some(content_type) = datacontenttype {
        refuse_other_than_json("datacontenttype", content_type.written)?;
    }
    buffer.clear();
    let data = match (data, data_base64) {
        (Some(_), Some(_)) => return Err(malformed("both data and data_base64 are there")),
        (Some(data), None) if data.is_object() => Some(data.written),
        (Some(data), None) if data.is_string() => {
            unescape(data.written, buffer)
                .ok_or_else(|| malformed("data has an escape that is no character"))?;
            Some(trimmed(buffer)).filter(|text| !text.is_empty())
        }
        (Some(_), None) => return Err(malformed("data is neither an object nor a string")),
        (None, Some(data)) => {
            let mut bytes = std::mem::take(buffer).into_bytes();
            base64::decode(data.written, &mut bytes)
                .filter(|()| data.is_string())
                .ok_or_else(|| malformed("data_base64 is not base64"))?;
            *buffer = String::from_utf8(bytes)
                .map_err(|error| malformed(&format!("data_base64 is not utf-8: {error}")))?;
            Some(trimmed(buffer)).filter(|text| !text.is_empty())
        }
        (None, None) => None,
    };
    compose::read(data, &attributes.columns()?, out, event)
}

struct Attributes<'a> {
    specversion: Option<Field<'a>>,
    id: Option<Field<'a>>,
    kind: Option<Field<'a>>,
    source: Option<Field<'a>>,
    subject: Option<Field<'a>>,
    time: Option<Field<'a>>,
    partitionkey: Option<Field<'a>>,
    recordedtime: Option<Field<'a>>,
    orderno: Option<Field<'a>>,
    targettype: Option<Field<'a>>,
    targetid: Option<Field<'a>>,
    version: Option<Field<'a>>,
    schemaversion: Option<Field<'a>>,
    actortype: Option<Field<'a>>,
    actorid: Option<Field<'a>>,
    key: Option<Field<'a>>,
}

impl<'a> Attributes<'a> {
    fn columns(&self) -> Result<Columns<'a>, Defect> {
        for (name, attribute) in [
            ("specversion", self.specversion),
            ("id", self.id),
            ("source", self.source),
            ("type", self.kind),
        ] {
            let text = attribute.filter(|field| field.is_string() && !field.written.is_empty());
            if text.is_none() {
                return Err(malformed(&format!(
                    "attribute {name} is missing; a cloudevent must have it"
                )));
            }
        }
        if self
            .specversion
            .is_some_and(|version| !version.written.starts_with("1."))
        {
            return Err(malformed("specversion is not 1.0"));
        }
        let action = self.kind.map(|kind| Field {
            written: action_of(kind.written),
            ..kind
        });
        Ok(Columns {
            called: "attribute",
            id: self.id,
            action,
            order_no: self.orderno,
            target_type: self.targettype,
            target_id: self.targetid,
            version: self.version,
            occurred_at: self.time,
            recorded_at: self.recordedtime,
            schema_version: self.schemaversion,
            actor_type: self.actortype,
            actor_id: self.actorid,
            system: self.source,
            key: self.partitionkey.or(self.subject).or(self.key),
        })
    }
}

/// The action in a type: all of it, or its end behind a reversed domain name.
fn action_of(kind: &str) -> &str {
    let mut rest = kind;
    while Action::from_name(rest).is_none() {
        match rest.split_once('.') {
            Some((_, end)) => rest = end,
            None => return kind,
        }
    }
    rest
}

fn refuse_other_than_json(name: &str, content_type: &str) -> Result<(), Defect> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is_json = media_type.eq_ignore_ascii_case("application/json")
        || media_type.eq_ignore_ascii_case("text/json")
        || media_type.to_ascii_lowercase().ends_with("+json");
    if is_json {
        return Ok(());
    }
    Err(malformed(&format!("{name} {media_type:?} is not json")))
}
