//! Sends traces to a collector, by OTLP over HTTP in batches: a span for each request and each command. The span of a
//! socket is not sent, because it may last for days.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use crate::kit::supervise;
use crate::start::StartError;

/// The longest that sending one batch may take.
const PATIENCE: Duration = Duration::from_secs(5);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// The layer that sends spans to this endpoint. It is made once per process.
pub(super) fn layer<S>(endpoint: &str) -> Result<impl Layer<S> + Send + Sync + use<S>, StartError>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let provider = provider(endpoint)?;
    let tracer = provider.tracer("parlor");
    PROVIDER.set(provider).map_err(|_| StartError::new("traces were started already in this process"))?;
    let traced = filter_fn(is_traced).with_max_level_hint(LevelFilter::DEBUG);
    Ok(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(traced))
}

/// Sends the spans that have not been sent, and ends.
pub(super) fn stop() {
    if let Some(Err(error)) = PROVIDER.get().map(SdkTracerProvider::shutdown) {
        tracing::warn!(%error, "the last traces were not sent");
    }
}

fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && ["request", "command"].contains(&metadata.name())
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, StartError> {
    let cannot = || StartError::new("traces cannot be sent: correct telemetry.otlp_endpoint");
    // The blocking client has a runtime of its own, and cannot be created within another one.
    let client = supervise::thread("otlp-client", || {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::blocking::Client::builder().timeout(PATIENCE).build()
    });
    let client = client
        .map_err(|error| cannot().because(error))?
        .join()
        .map_err(|_| cannot())?
        .map_err(|error| cannot().because(error))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| cannot().because(error))?;
    let resource = Resource::builder().with_service_name("parlor").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Takes one request: its first line, its headers in lower case, its body.
    fn receive(listener: &TcpListener) -> (String, String, Vec<u8>) {
        let (stream, _) = listener.accept().expect("the exporter connects");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        let mut reader = BufReader::new(stream);
        let (mut first, mut headers) = (String::new(), String::new());
        reader.read_line(&mut first).expect("a request");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            if line.trim().is_empty() {
                break;
            }
            headers.push_str(&line.to_ascii_lowercase());
        }
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.and_then(|length| length.trim().parse().ok()).expect("a length")];
        reader.read_exact(&mut body).expect("the body");
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        reader.get_mut().write_all(answer).expect("it reads");
        (first, headers, body)
    }

    #[test]
    fn spans_of_requests_and_commands_reach_the_collector_and_no_others() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}/", listener.local_addr().expect("bound"));
        let (sends, received) = std::sync::mpsc::channel();
        std::thread::spawn(move || sends.send(receive(&listener)));
        let layer = layer(&endpoint).expect("an address");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _socket = tracing::debug_span!("socket", connection.id = 4_711).entered();
            let _command = tracing::debug_span!("command", kind = "chat.send", room.id = 104_233_871).entered();
            drop(tracing::info_span!("request", request.id = "0199a7c0-of-a-test").entered());
        });
        stop();
        let within = std::time::Duration::from_secs(20);
        let (first, headers, body) = received.recv_timeout(within).expect("a request");
        assert!(first.starts_with("POST /v1/traces "), "{first}");
        assert!(headers.contains("content-type: application/x-protobuf"), "{headers}");
        let has = |word: &str| body.windows(word.len()).any(|window| window == word.as_bytes());
        for word in ["parlor", "request.id", "0199a7c0-of-a-test", "chat.send", "room.id"] {
            assert!(has(word), "{word} is sent");
        }
        assert!(!has("connection.id"), "a socket's span stays here");
    }
}
