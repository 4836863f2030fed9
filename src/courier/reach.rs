//! Why another server could not be reached, in words of our own: what the other side said, and the names and addresses
//! in the errors of libraries, are never repeated.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// The reason behind an error of a connection, as the end of a sentence whose subject is the other server; `None` if
/// the error does not tell.
pub(super) fn reason(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(of_tls(tls));
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if let Some(inner) = io.get_ref() {
                // The source of an I/O error leaves out the error in it.
                return reason(inner).or_else(|| of_io(io.kind()));
            }
            return of_io(io.kind());
        }
        if error.to_string() == "dns error" {
            return Some(UNKNOWN_NAME);
        }
        next = error.source();
    }
    None
}

/// The name of the other server has no address.
pub(super) const UNKNOWN_NAME: &str = "has a name that could not be resolved";

fn of_io(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "refused the connection: nothing listens on that port",
        io::ErrorKind::TimedOut => "could not be connected to in time",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "cannot be reached from here",
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "broke the connection off",
        _ => return None,
    })
}

fn of_tls(error: &rustls::Error) -> &'static str {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return "does not speak TLS as it should: the port or the encryption may be another";
    };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has a certificate that has expired",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "has a certificate for another name"
        }
        CertificateError::UnknownIssuer => "has a certificate of an issuer that is not trusted",
        _ => "has a certificate that does not hold",
    }
}
