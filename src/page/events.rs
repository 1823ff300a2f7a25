//! The stream of snapshots to one browser: server-sent events (HTML standard, section 9.2).

use http_body_util::channel::{Channel, SendError, Sender};
use hyper::body::Bytes;
use tokio::sync::watch;

use super::watching::Watcher;

/// Media type of the stream.
pub const EVENTS_TYPE: &str = "text/event-stream";
/// Time after which a browser connects again, in milliseconds.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// A snapshot as one message; JSON of ours has no line breaks.
pub(super) fn message(number: u64, json: &[u8]) -> Bytes {
    let mut message = format!("id: {number}\nevent: snapshot\ndata: ").into_bytes();
    message.extend_from_slice(json);
    message.extend_from_slice(b"\n\n");
    message.into()
}

impl Watcher {
    /// The body of an answer: the latest snapshot at once, then each that is made, until the browser goes or `ending`
    /// becomes true. A browser that is slow misses snapshots; at most one waits for it.
    pub fn into_body(self, ending: watch::Receiver<bool>) -> Channel<Bytes> {
        let (sender, body) = Channel::new(1);
        tokio::spawn(send(self, sender, ending));
        body
    }
}

async fn send(mut watcher: Watcher, sender: Sender<Bytes>, mut ending: watch::Receiver<bool>) {
    tokio::select! {
        // Only that the browser has gone, which needs no word.
        _ = send_all(&mut watcher, sender) => {}
        _ = ending.wait_for(|ending| *ending) => {}
    }
}

async fn send_all(watcher: &mut Watcher, mut sender: Sender<Bytes>) -> Result<(), SendError> {
    sender.send_data(Bytes::from_static(RETRY)).await?;
    loop {
        // Taken when the one before is on its way, so it is the newest.
        let message = watcher.latest().borrow_and_update().clone();
        if let Some(message) = message {
            sender.send_data(message).await?;
        }
        if watcher.latest().changed().await.is_err() {
            return Ok(());
        }
    }
}
