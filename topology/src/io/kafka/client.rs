//! How every client is made: with a context that knows it.

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, Producer as _};

use super::errors;
use super::events::Events;
use crate::io::IoResult;

/// A kind of client of the binding.
pub(super) trait AnyClient: FromClientConfigAndContext<Events> {
    /// What is in it.
    fn inner_client(&self) -> &Client<Events>;
}

impl AnyClient for BaseConsumer<Events> {
    fn inner_client(&self) -> &Client<Events> {
        self.client()
    }
}

impl AnyClient for BaseProducer<Events> {
    fn inner_client(&self) -> &Client<Events> {
        self.client()
    }
}

impl AnyClient for AdminClient<Events> {
    fn inner_client(&self) -> &Client<Events> {
        self.inner()
    }
}

/// A client with these properties; `operation` is for errors.
pub(super) fn create<C: AnyClient>(
    config: &ClientConfig,
    client_id: &str,
    operation: &'static str,
) -> IoResult<C> {
    let client: C = config
        .create_with_context(Events::new(client_id, config))
        .map_err(|error| errors::error(operation, &error))?;
    let inner = client.inner_client();
    inner.context().attach(inner);
    Ok(client)
}
