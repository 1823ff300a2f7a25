//! Events written by hand, for tests that need one at a time.

use jiff::Timestamp;

/// What `order.created` must tell.
pub const CREATED: &str = r#"{"storeId":"st_1","category":"치킨","sido":"서울","sigungu":"강남구","dong":"역삼동","fulfilment":"BAEMIN_SINGLE","amount":20000,"paymentMethod":"CARD"}"#;

/// One event of an order, its payment or its claim.
pub struct Written<'a> {
    pub number: &'a str,
    pub action: &'a str,
    pub version: u64,
    pub actor: &'a str,
    pub info: &'a str,
    /// Epoch milliseconds.
    pub at: i64,
}

impl Written<'_> {
    /// The envelope, with an id made of a number.
    pub fn envelope(&self, id: u64) -> String {
        let Self {
            number,
            action,
            version,
            actor,
            info,
            at,
        } = self;
        let (aggregate, _) = action.split_once('.').unwrap();
        let time = Timestamp::from_millisecond(*at).unwrap();
        format!(
            r#"{{"id":"00000000-0000-7000-8000-{id:012}","target":{{"type":"{aggregate}","id":"{number}","orderNo":"{number}","version":{version}}},"action":"{action}","actor":{{"type":"{actor}","id":"x1"}},"info":{info},"time":{{"occurredAt":"{time}","recordedAt":"{time}"}},"schema":{{"name":"{action}","version":1}}}}"#
        )
    }

    /// The topic of its aggregate.
    pub fn topic(&self) -> &'static str {
        match self.action.starts_with("payment.") {
            true => "payment.events.v1",
            false => "order.events.v1",
        }
    }
}
