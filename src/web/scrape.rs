//! `/metrics`: written away from the threads that serve, one scrape at a time, compressed for who takes it.

use crate::metrics::Metrics;
use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use std::{io::Write, sync::Arc};
use tokio::{sync::Mutex, task};

/// Whose turn it is to be answered: a fleet's series take a while to write, and must not take all processors.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrape {
    turn: Arc<Mutex<()>>,
}

impl Scrape {
    pub(super) async fn answer(self, metrics: Arc<Metrics>, headers: HeaderMap) -> Response {
        let compress = headers.get_all(ACCEPT_ENCODING).iter().any(takes_gzip);
        let turn = self.turn.lock_owned().await;
        let written = task::spawn_blocking(move || {
            let written = write(&metrics, compress);
            drop(turn);
            written
        });
        let Ok(Some(body)) = written.await else {
            return (StatusCode::INTERNAL_SERVER_ERROR, "The metrics cannot be written.\n").into_response();
        };
        let mut response = ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], body).into_response();
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
        if compress {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

fn write(metrics: &Metrics, compress: bool) -> Option<Vec<u8>> {
    let text = metrics.encode().ok()?;
    if !compress {
        return Some(text.into_bytes());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}

/// Whether one `Accept-Encoding` takes gzip (RFC 9110 section 12.5.3).
fn takes_gzip(accepted: &HeaderValue) -> bool {
    let Ok(accepted) = accepted.to_str() else { return false };
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn only_who_takes_gzip_gets_it() {
        let takes = |text| takes_gzip(&HeaderValue::from_static(text));
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("identity;q=0, gzip;q=1.0"));
        assert!(!takes("") && !takes("br") && !takes("gzip;q=0") && !takes("gzip; q=0.0") && !takes("gzipped"));
    }

    #[tokio::test]
    async fn both_forms_say_the_same() {
        let metrics = Arc::new(Metrics::new());
        metrics.config_reload(true);
        let ask = async |headers| {
            let answer = Scrape::default().answer(Arc::clone(&metrics), headers).await;
            let encoding = answer.headers().get(CONTENT_ENCODING).cloned();
            (encoding, axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap())
        };
        let (encoding, plain) = ask(HeaderMap::new()).await;
        assert_eq!(encoding, None);
        let (encoding, packed) = ask(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))])).await;
        assert_eq!(encoding.unwrap(), "gzip");
        let mut unpacked = String::new();
        GzDecoder::new(&*packed).read_to_string(&mut unpacked).unwrap();
        let own = |text: &str| {
            text.lines().filter(|line| !line.starts_with("process_")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(own(&unpacked), own(str::from_utf8(&plain).unwrap()));
    }
}
