//! A program under test, run as a process of its own.

use std::fs::{File, read_to_string};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use tempfile::TempDir;

use crate::error::{Doing, Error, Result};
use crate::guard::Guard;
use crate::wait::wait_for;

const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running program whose output goes to files. It is killed when the value is dropped, and also when the test's own
/// process is killed.
#[derive(Debug)]
pub struct Process {
    guard: Guard,
    directory: TempDir,
}

impl Process {
    /// Starts `command` in a process group of its own, without standard input.
    pub fn start(mut command: Command) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("jumun-process-")
            .tempdir()
            .doing(|| "creating a directory for a process's output".to_owned())?;
        let open = |name: &str| {
            File::create(directory.path().join(name)).doing(|| format!("creating {name}"))
        };
        command
            .stdin(Stdio::null())
            .stdout(open("stdout")?)
            .stderr(open("stderr")?);
        let guard = Guard::spawn(&mut command, directory.path())?;
        Ok(Self { guard, directory })
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.guard.id()
    }

    /// What the program has written to its standard output so far.
    pub fn stdout(&self) -> String {
        self.output("stdout")
    }

    /// What the program has written to its standard error so far.
    pub fn stderr(&self) -> String {
        self.output("stderr")
    }

    /// Waits until `GET /health/ready` on `address` answers 200. Fails at once when the program ends before.
    pub fn wait_ready(&mut self, address: SocketAddr, timeout: Duration) -> Result<()> {
        let mut last = String::from("no answer");
        let ready = wait_for("readiness", timeout, || match self.guard.exit_status() {
            Err(error) => Some(Err(error)),
            Ok(Some(status)) => Some(Err(Error::Failed(format!(
                "the program ended before it was ready, {status}"
            )))),
            Ok(None) => match http_get(address, "/health/ready") {
                Ok((200, _)) => Some(Ok(())),
                Ok((status, body)) => {
                    last = format!("{status} {body}");
                    None
                }
                Err(error) => {
                    last = error.to_string();
                    None
                }
            },
        });
        ready.and_then(|inner| inner).map_err(|error| {
            Error::Failed(format!(
                "{error}; last answer: {last}; standard error:\n{}",
                self.stderr()
            ))
        })
    }

    /// Kills with SIGKILL and waits for the end: nothing in the program gets to run any more.
    pub fn kill9(&mut self) -> Result<ExitStatus> {
        self.guard.kill()
    }

    /// Asks the program to end, as a service manager does.
    pub fn sigterm(&mut self) -> Result<()> {
        self.guard.signal(Signal::TERM)
    }

    /// Asks the program to end, as Ctrl-C does.
    pub fn sigint(&mut self) -> Result<()> {
        self.guard.signal(Signal::INT)
    }

    /// Freezes the program.
    pub fn sigstop(&mut self) -> Result<()> {
        self.guard.signal(Signal::STOP)
    }

    /// Lets a frozen program go on.
    pub fn sigcont(&mut self) -> Result<()> {
        self.guard.signal(Signal::CONT)
    }

    /// From now on no file of the program grows beyond so many bytes (`RLIMIT_FSIZE`); its standard error is one.
    pub fn limit_file_size(&self, bytes: u64) -> Result<()> {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let limit = Rlimit {
            current: Some(bytes),
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit)
            .map(|_| ())
            .map_err(std::io::Error::from)
            .doing(|| format!("limiting the file size of process {}", self.id()))
    }

    /// The exit status if the program has ended.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        self.guard.exit_status()
    }

    /// Waits for the program's own end.
    pub fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus> {
        self.guard
            .wait_exit(timeout)
            .map_err(|error| Error::Failed(format!("{error}; standard error:\n{}", self.stderr())))
    }

    fn output(&self, name: &str) -> String {
        read_to_string(self.directory.path().join(name))
            .unwrap_or_else(|error| format!("({name}: {error})"))
    }
}

/// Sends `GET path` to `address` and gives the status and the body.
pub fn http_get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let what = || format!("GET http://{address}{path}");
    let mut stream = TcpStream::connect_timeout(&address, HTTP_TIMEOUT).doing(what)?;
    stream.set_read_timeout(Some(HTTP_TIMEOUT)).doing(what)?;
    stream.set_write_timeout(Some(HTTP_TIMEOUT)).doing(what)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .doing(what)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).doing(what)?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        _ => Err(Error::Failed(format!(
            "{}: not an HTTP answer: {answer:?}",
            what()
        ))),
    }
}
