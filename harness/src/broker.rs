//! An Apache Kafka broker of the test's own: one JVM, broker and controller at once (KRaft), in a temporary directory.

use std::ops::Deref;
use std::path::Path;
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::kafka::Kafka;
use crate::node::{BrokerOptions, Node, NodePorts};
use crate::ports::free_port;

/// How often to try again with other ports when another process was quicker.
const PORT_ATTEMPTS: u32 = 5;

/// A running broker; [`Kafka`] of it is reached by dereferencing. Dropping it kills the JVM and removes its data, and
/// so does a watchdog when the process that started it is killed.
#[derive(Debug)]
pub struct Broker {
    node: Node,
    kafka: Kafka,
}

impl Broker {
    /// Starts a broker with the usual options; takes about two seconds.
    pub fn start() -> Result<Self> {
        Self::start_with(BrokerOptions::default())
    }

    /// Starts a broker with options of the test's own.
    pub fn start_with(options: BrokerOptions) -> Result<Self> {
        with_free_ports(1, |ports| {
            let mut node = Node::start(0, ports, &options)?;
            node.wait_ready(1)?;
            let kafka = Kafka::new(node.address());
            Ok(Self { node, kafka })
        })
    }

    /// The one broker that all tests of this test binary share; it ends with the process. Tests that use it give
    /// their topics and groups names of their own ([`crate::unique_name`]) and never stop it.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Broker, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| Error::Failed(error.clone()))
    }

    /// Stops the broker in order (SIGTERM), so that [`Broker::start_again`] finds its logs closed.
    pub fn stop(&mut self) -> Result<()> {
        self.node.stop()
    }

    /// Kills the broker (SIGKILL).
    pub fn kill9(&mut self) -> Result<()> {
        self.node.kill9()
    }

    /// Starts a stopped or killed broker on its old data and its old port.
    pub fn start_again(&mut self) -> Result<()> {
        self.node.start_again()?;
        self.node.wait_ready(1)
    }

    /// Stops the broker in order and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.start_again()
    }

    /// Freezes the broker (SIGSTOP): connections stay open, nothing is answered.
    pub fn pause(&mut self) -> Result<()> {
        self.node.pause()
    }

    /// Lets a frozen broker go on (SIGCONT).
    pub fn resume(&mut self) -> Result<()> {
        self.node.resume()
    }

    /// Process id of the broker's JVM.
    pub fn id(&self) -> u32 {
        self.node.id()
    }

    /// Where the broker keeps its data, its properties and its log.
    pub fn directory(&self) -> &Path {
        self.node.directory()
    }

    /// The last lines of the broker's log.
    pub fn log_tail(&self) -> String {
        self.node.log_tail()
    }
}

impl Deref for Broker {
    type Target = Kafka;

    fn deref(&self) -> &Kafka {
        &self.kafka
    }
}

/// Calls `start` with the ports of so many nodes, and again with others if another process was quicker to take one.
pub(crate) fn with_free_ports<T>(
    nodes: usize,
    start: impl Fn(&[NodePorts]) -> Result<T>,
) -> Result<T> {
    let mut attempt = 1;
    loop {
        let mut ports = Vec::new();
        for _ in 0..nodes {
            ports.push(NodePorts {
                broker: free_port()?,
                controller: free_port()?,
            });
        }
        match start(&ports) {
            Err(Error::Failed(log))
                if attempt < PORT_ATTEMPTS && log.contains("Address already in use") =>
            {
                attempt += 1;
            }
            done => return done,
        }
    }
}
