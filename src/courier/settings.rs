//! The settings of e-mail and SMS.

use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::kit::settings::Value;

crate::settings! {
    /// E-mail and SMS.
    pub struct Settings at "courier", checked by Self::contradictions {
        /// Attempts to send a message.
        attempts: u32 = 8, in 1..=20;
        /// Milliseconds before the second attempt; each further one waits twice as long, a minute at most.
        backoff_ms: u64 = 1_000, in 1..=60_000;
        /// E-mail.
        mail: MailSettings;
        /// SMS.
        sms: SmsSettings;
    }
}

crate::settings! {
    /// The SMTP server.
    pub struct MailSettings at "courier.mail" {
        /// The SMTP server; naming one turns e-mail on. Without one `dev` writes messages to the log, and `serve`
        /// answers `feature_off` to what needs one.
        host: Option<String> = None;
        /// The port of the SMTP server.
        port: Option<u16> = None, in 1..=65_535, shown "587, 465 with `tls`, 25 with `off`";
        /// How the connection to the SMTP server is encrypted: `starttls` (required, not only tried), `tls` from the
        /// first byte, or `off`.
        tls: Tls = Tls::Starttls;
        /// The user name at the SMTP server; without one, mail is sent without signing in there.
        user: Option<String> = None;
        /// The password of that user.
        password: Option<Secret> = None;
        /// The sender, as `Parlor <no-reply@example.com>`; a host needs one.
        from: Option<String> = None, shown "none: needed with a host";
        /// Milliseconds that one e-mail may take at the SMTP server, from the lookup of its name to its last answer.
        timeout_ms: u64 = 30_000, in 100..=120_000;
    }
}

/// How the connection to the mail server is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// No TLS: for a server on the same machine.
    Off,
    /// TLS by STARTTLS; a server that does not offer it is not used.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

crate::settings! {
    /// The endpoint that sends SMS.
    pub struct SmsSettings at "courier.sms" {
        /// The address to which SMS are posted as `{to, text}`; naming it turns SMS on. It is https, or http on this
        /// machine. Without one `dev` writes SMS to the log, and `serve` answers `feature_off` to what needs one.
        webhook_url: Option<Secret> = None;
        /// The secret that signs the SMS posted, 16 characters at least: `x-parlor-signature` is `v1=` and the
        /// hexadecimal HMAC-SHA256 of `x-parlor-timestamp`, a full stop and the body.
        webhook_secret: Option<Secret> = None, shown "none: needed with an address";
        /// Milliseconds that the webhook for SMS may take for its answer.
        timeout_ms: u64 = 5_000, in 100..=60_000;
    }
}

impl Value for Tls {}

impl MailSettings {
    /// The port of the settings, or else the usual port of the encryption.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Off => 25,
            Tls::Starttls => 587,
            Tls::Tls => 465,
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

impl Settings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        let MailSettings { host, tls, user, password, from, .. } = &self.mail;
        if let Some(host) = host {
            let from = from.as_ref().is_some_and(|from| from.parse::<lettre::message::Mailbox>().is_ok());
            if !from {
                problems.push("courier.mail.from: give the sender as `Parlor <no-reply@example.com>`".to_owned());
            }
            if user.is_some() != password.is_some() {
                problems.push("courier.mail.password: user and password are given together".to_owned());
            }
            if user.is_some() && *tls == Tls::Off && !is_this_machine(host) {
                problems.push("courier.mail.tls: a password is not sent in the clear to another machine".to_owned());
            }
        }
        if let Some(url) = self.sms.webhook_url.as_ref().map(Secret::reveal) {
            let fits = url.parse::<reqwest::Url>().is_ok_and(|url| match url.scheme() {
                "https" => true,
                "http" => url.host_str().is_some_and(is_this_machine),
                _ => false,
            });
            if !fits {
                problems.push("courier.sms.webhook_url: give an https address (http only on this machine)".to_owned());
            }
            if self.sms.webhook_secret.as_ref().is_none_or(|secret| secret.reveal().len() < 16) {
                problems.push("courier.sms.webhook_secret: give 16 characters at least".to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MailSettings, Settings, SmsSettings, Tls};

    #[test]
    fn settings_that_would_leak_a_password_or_cannot_send_are_named() {
        assert_eq!(Settings::default().problems(), Vec::<String>::new());
        let mail = MailSettings {
            host: Some("mail.example".to_owned()),
            tls: Tls::Off,
            user: Some("parlor".to_owned()),
            password: Some("hunter2".to_owned().into()),
            ..MailSettings::default()
        };
        let sms = SmsSettings { webhook_url: Some("http://sms.example/".to_owned().into()), ..SmsSettings::default() };
        let problems = Settings { mail, sms, ..Settings::default() }.problems().join("\n");
        for name in ["mail.from", "mail.tls", "sms.webhook_url", "sms.webhook_secret"] {
            assert!(problems.contains(name), "{name}: {problems}");
        }
        assert!(!problems.contains("hunter2"));
        let url = Some("http://127.0.0.1:9/".to_owned());
        let sms = SmsSettings {
            webhook_url: url.map(Into::into),
            webhook_secret: Some("0123456789abcdef".to_owned().into()),
            ..SmsSettings::default()
        };
        assert!(Settings { sms, ..Settings::default() }.problems().is_empty());
    }
}
