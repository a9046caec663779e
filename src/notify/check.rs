//! What a `[[receiver]]` must be, said before anything is started.

use super::email;
use crate::config::{Receiver, Tls};
use jiff::{SignedDuration, tz::TimeZone};

/// Says what is wrong with a receiver and what to do, without touching the network or reading secrets.
pub fn check_receiver(receiver: &Receiver) -> Result<(), String> {
    let name = receiver.name.get_ref();
    if name.trim().is_empty() || name.chars().any(char::is_control) || name.chars().count() > 64 {
        return Err("`name` must be 1 to 64 characters without line breaks".to_owned());
    }
    let host = receiver.host.get_ref();
    if host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c)) {
        return Err(format!("`host` {host:?} is no host name or address; the port has a key of its own"));
    }
    email::mailbox(receiver.from.get_ref()).map_err(|error| format!("`from`: {error}"))?;
    if receiver.to.is_empty() {
        return Err("`to` is empty, nobody would be told; name at least one address".to_owned());
    }
    for to in &receiver.to {
        email::mailbox(to.get_ref()).map_err(|error| format!("`to`: {error}"))?;
    }
    let zone = receiver.timezone.get_ref();
    TimeZone::get(zone)
        .map_err(|_| format!("`timezone` {zone:?} is not known; write an IANA name such as Europe/Berlin"))?;
    match (&receiver.username, &receiver.password_file, &receiver.password_env) {
        (None, None, None) | (Some(_), Some(_), None) | (Some(_), None, Some(_)) => {}
        (None, _, _) => return Err("there is a password but no `username`".to_owned()),
        (Some(_), None, None) => {
            return Err("there is a `username` but no password; set `password_file` or `password_env`".to_owned());
        }
        (Some(_), Some(_), Some(_)) => {
            return Err("`password_file` and `password_env` are both set; keep one".to_owned());
        }
    }
    if receiver.tls == Tls::None && receiver.ca_file.is_some() {
        return Err("`ca_file` has no use with tls = \"none\"; remove one of them".to_owned());
    }
    let timeout = receiver.timeout;
    if timeout < SignedDuration::from_secs(1) || timeout > SignedDuration::from_secs(600) {
        return Err("`timeout` must be between 1s and 10m".to_owned());
    }
    Ok(())
}
