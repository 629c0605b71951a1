//! The options of the commands that say where the server is.

use coquad_nats::Server;

/// What the options say of the server, in the order in which they came.
#[derive(Default)]
pub(crate) struct ServerOptions {
    address: Option<String>,
    settings: Vec<Box<dyn Fn(Server) -> Server>>,
}

/// How the options are described.
pub(crate) const USAGE: &str = "\
  --server ADDRESS       nats://host:port or tls://host:port, several separated by commas [$COQUAD_NATS_URL]
  --space NAME           [default]
  --credentials FILE     [$COQUAD_NATS_CREDS]
  --ca FILE              trust these certificate authorities, PEM
  --inbox PREFIX         where replies go
  --per-function         answers go where accounts can tell functions apart
  --api PREFIX           where the account imports JetStream's subjects [$JS.API]
  --allow-plaintext      let nats:// leave this machine";

impl ServerOptions {
    /// Takes an option without a value, if it is one of these.
    pub(crate) fn flag(&mut self, option: &str) -> bool {
        let set = match option {
            "--allow-plaintext" => Server::allow_plaintext,
            "--per-function" => Server::per_function,
            _ => return false,
        };
        self.settings.push(Box::new(set));
        true
    }

    /// Takes an option with its value, if it is one of these.
    pub(crate) fn option(&mut self, option: &str, value: &str) -> bool {
        let value = value.to_owned();
        match option {
            "--server" => self.address = Some(value),
            "--space" => self.settings.push(Box::new(move |server| server.space(&value))),
            "--credentials" => self.settings.push(Box::new(move |server| server.credentials(&value))),
            "--ca" => self.settings.push(Box::new(move |server| server.root_certificates(&value))),
            "--api" => self.settings.push(Box::new(move |server| server.api(&value))),
            "--inbox" => self.settings.push(Box::new(move |server| server.inbox(&value))),
            _ => return false,
        }
        true
    }

    /// The server.
    pub(crate) fn server(self) -> Result<Server, String> {
        let address = self.address.or_else(|| std::env::var("COQUAD_NATS_URL").ok());
        let address = address.ok_or("--server is missing, and COQUAD_NATS_URL is not set")?;
        Ok(self.settings.iter().fold(Server::new(address), |server, set| set(server)))
    }
}
