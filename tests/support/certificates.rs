//! Self-signed certificates for brokers on loopback, made by the JDK that runs the brokers.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Of the key store and of the key in it.
pub const STORE_PASSWORD: &str = "not-a-secret";

/// A key with its certificate, which is its own authority.
pub struct Certificate {
    /// PKCS12, for the broker.
    pub store: PathBuf,
    /// PEM, for clients that trust it.
    pub certificate: PathBuf,
}

/// Makes one for 127.0.0.1.
pub fn certificate(directory: &Path, name: &str) -> Certificate {
    let store = directory.join(format!("{name}.p12"));
    let certificate = directory.join(format!("{name}.pem"));
    let subject = format!("CN={name}");
    let common = |command: &mut Command| {
        command
            .args(["-alias", "key", "-storetype", "PKCS12"])
            .args(["-storepass", STORE_PASSWORD, "-keystore"])
            .arg(&store);
    };
    keytool(|command| {
        command
            .args(["-genkeypair", "-keyalg", "EC", "-validity", "2"])
            .args(["-dname", &subject])
            .args(["-ext", "san=ip:127.0.0.1,dns:localhost"]);
        common(command);
    });
    keytool(|command| {
        command
            .args(["-exportcert", "-rfc", "-file"])
            .arg(&certificate);
        common(command);
    });
    Certificate { store, certificate }
}

fn keytool(arguments: impl FnOnce(&mut Command)) {
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let program = home.map_or_else(
        || PathBuf::from("keytool"),
        |home| PathBuf::from(home).join("bin").join("keytool"),
    );
    let mut command = Command::new(program);
    arguments(&mut command);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
