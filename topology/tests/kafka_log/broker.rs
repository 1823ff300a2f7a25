//! A broker of Apache Kafka for one test process.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub struct Broker {
    pub address: String,
    /// The shell that watches over the broker ends it when its standard input closes, which the end of this process does.
    shell: Child,
    _directory: tempfile::TempDir,
}

/// The broker all tests of this process share.
pub fn shared() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(Broker::start)
}

fn jars() -> PathBuf {
    let directory = std::env::var_os("JUMUN_KAFKA_DIR").map_or_else(
        || {
            let home = std::env::var_os("HOME").unwrap_or_default();
            Path::new(&home).join(".cache/jumun/kafka-4.2.0")
        },
        PathBuf::from,
    );
    assert!(
        directory.is_dir(),
        "no jars of Apache Kafka in {}: run scripts/fetch-kafka, or set JUMUN_KAFKA_DIR",
        directory.display()
    );
    directory
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Broker {
    /// A broker of one's own.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (port, controller) = (free_port(), free_port());
        let address = format!("127.0.0.1:{port}");
        let properties = directory.path().join("server.properties");
        let data = directory.path().join("data");
        fs::write(
            &properties,
            format!(
                "process.roles=broker,controller\nnode.id=1\n\
                 controller.quorum.voters=1@127.0.0.1:{controller}\n\
                 listeners=PLAINTEXT://{address},CONTROLLER://127.0.0.1:{controller}\n\
                 advertised.listeners=PLAINTEXT://{address}\n\
                 controller.listener.names=CONTROLLER\n\
                 listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
                 log.dirs={}\nauto.create.topics.enable=false\n\
                 offsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\n\
                 transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
                 transaction.state.log.num.partitions=4\n\
                 group.initial.rebalance.delay.ms=0\ngroup.min.session.timeout.ms=1000\n",
                data.display()
            ),
        )
        .unwrap();
        let log = fs::File::create(directory.path().join("broker.log")).unwrap();
        let shell = Command::new("sh")
            .arg("-c")
            .arg(
                "java -cp \"$1/*\" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c \"$2\" && \
                 { java -Xmx512m -cp \"$1/*\" kafka.Kafka \"$2\" </dev/null & } && cat >/dev/null; kill -9 $!",
            )
            .arg("broker")
            .arg(jars())
            .arg(&properties)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(&address).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the broker did not start: {}",
                fs::read_to_string(directory.path().join("broker.log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            address,
            shell,
            _directory: directory,
        }
    }

    /// Kills the broker.
    pub fn kill(mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}
