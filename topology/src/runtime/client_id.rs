//! The client id of a group member. Everybody who may describe the group can read it, so it tells who a member is and
//! where its queries are answered: this is the only way, because librdkafka's assignors carry no user data.

use std::fmt;

use crate::Error;

/// `<instance id>-<thread>`, and `@<application server>` where there is one.
///
/// ```
/// use topology::runtime::ClientId;
///
/// let id = ClientId::parse("orders-0-1@10.0.0.7:8080").unwrap();
/// assert_eq!((id.instance_id.as_str(), id.thread), ("orders-0", 1));
/// assert_eq!(id.application_server.as_deref(), Some("10.0.0.7:8080"));
/// assert_eq!(id.to_string(), "orders-0-1@10.0.0.7:8080");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId {
    /// Of the instance.
    pub instance_id: String,
    /// Index of the stream thread, from 0.
    pub thread: usize,
    /// `host:port` under which other instances and people reach the instance.
    pub application_server: Option<String>,
}

impl ClientId {
    /// Reads what `Display` writes; `None` for the client id of something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (member, server) = match text.rsplit_once('@') {
            Some((member, server)) if check_application_server(server).is_ok() => {
                (member, Some(server.to_owned()))
            }
            _ => (text, None),
        };
        let (instance_id, thread) = member.rsplit_once('-')?;
        Some(Self {
            instance_id: Some(instance_id).filter(|id| !id.is_empty())?.to_owned(),
            thread: thread.parse().ok()?,
            application_server: server,
        })
    }

    /// Name of the member as a static member of the group (`group.instance.id`).
    pub(super) fn group_instance_id(&self) -> String {
        format!("{}-{}", self.instance_id, self.thread)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.group_instance_id())?;
        match &self.application_server {
            Some(server) => write!(f, "@{server}"),
            None => Ok(()),
        }
    }
}

/// Whether `server` is a host or address and a port, such as `orders-0.internal:8080` or `[::1]:8080`.
///
/// # Errors
/// Fatal, with what is wrong.
pub fn check_application_server(server: &str) -> Result<(), Error> {
    let wrong = |what: &str| {
        let detail = format!("{server:?} {what}; give host:port, such as orders-0.internal:8080");
        Error::fatal("read the application server", detail)
    };
    let Some((host, port)) = server.rsplit_once(':') else {
        return Err(wrong("has no port"));
    };
    let within = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_valid = match within {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_host),
    };
    if !is_valid {
        return Err(wrong("has no valid host"));
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(()),
        _ => Err(wrong("has no valid port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for server in [
            None,
            Some("host:1"),
            Some("10.0.0.7:8080"),
            Some("[::1]:80"),
        ] {
            for instance_id in ["a", "jumun-0", "with@sign", "a-1-2"] {
                let id = ClientId {
                    instance_id: instance_id.to_owned(),
                    thread: 12,
                    application_server: server.map(str::to_owned),
                };
                assert_eq!(ClientId::parse(&id.to_string()), Some(id));
            }
        }
    }

    #[test]
    fn client_ids_of_others_are_none_of_ours() {
        for text in ["", "rdkafka", "console-consumer", "-1", "a-", "a-x@host:1"] {
            assert_eq!(ClientId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_application_server_is_a_host_and_a_port() {
        for wrong in [
            "",
            "host",
            "host:",
            ":80",
            "host:0",
            "host:65536",
            "ho st:1",
            "a@b:1",
            "::1:80",
            "http://a:1",
        ] {
            let refused = check_application_server(wrong).unwrap_err().to_string();
            assert!(refused.contains("give host:port"), "{refused}");
        }
    }
}
