use std::time::Duration;

use symbolon::outside::http::{Http, HttpError, HttpLimits, JSON_BYTES, Request, Response};

use super::server::{Behaviour, Server, gzip_bomb, response};

const SHORT: HttpLimits = HttpLimits {
    total: Duration::from_millis(300),
    connect: Duration::from_millis(300),
    idle: Duration::from_secs(1),
};

fn client() -> Http {
    Http::new(HttpLimits::default(), true, None).unwrap()
}

async fn ask(behaviour: Behaviour) -> Result<Response, HttpError> {
    let server = Server::start(behaviour).await;
    client().send(Request::get(server.url("/jwks"))).await
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let answer =
        ask(Behaviour::Raw(response("200 OK", "Content-Type: Application/JSON; charset=utf-8\r\n", b"{}")))
            .await
            .unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..], answer.media_type().as_deref()),
        (200, b"{}".as_slice(), Some("application/json"))
    );
}

/// B-35
#[tokio::test]
async fn a_provider_that_never_finishes_costs_one_deadline() {
    for behaviour in [Behaviour::Silence, Behaviour::Drip] {
        let server = Server::start(behaviour).await;
        let error =
            Http::new(SHORT, true, None).unwrap().send(Request::get(server.url("/token"))).await.unwrap_err();
        assert_eq!(error, HttpError::Deadline { host: "127.0.0.1".into(), after: SHORT.total });
    }
}

/// B-35
#[tokio::test]
async fn headers_without_end_are_not_read_for_ever() {
    assert!(matches!(ask(Behaviour::EndlessHeaders).await, Err(HttpError::Transport { .. })));
}

/// B-36
#[tokio::test]
async fn a_huge_answer_is_cut_at_the_limit() {
    let too_large = HttpError::TooLarge { host: "127.0.0.1".into(), limit: JSON_BYTES };
    assert_eq!(ask(Behaviour::EndlessBody).await.unwrap_err(), too_large);
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n".to_vec();
    assert_eq!(ask(Behaviour::Raw(announced)).await.unwrap_err(), too_large);
    let exact = ask(Behaviour::Raw(response("200 OK", "", &vec![b' '; JSON_BYTES]))).await.unwrap();
    assert_eq!(exact.body.len(), JSON_BYTES);
}

/// B-36
#[tokio::test]
async fn a_gzip_bomb_is_cut_by_what_comes_out() {
    let bomb = gzip_bomb(40_000_000);
    assert!(bomb.len() < JSON_BYTES);
    let error =
        ask(Behaviour::Raw(response("200 OK", "content-encoding: gzip\r\n", &bomb))).await.unwrap_err();
    assert_eq!(error, HttpError::TooLarge { host: "127.0.0.1".into(), limit: JSON_BYTES });
}

/// B-42
#[tokio::test]
async fn redirects_are_answers_and_nothing_more() {
    let inner = Server::start(Behaviour::Raw(response("200 OK", "", b"{}"))).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let answer =
            ask(Behaviour::Raw(response(status, &format!("location: {}\r\n", inner.url("/secret")), b"")))
                .await
                .unwrap();
        assert!(answer.status.is_redirection());
    }
    assert_eq!(inner.requests(), 0);
}

/// B-34: Node and Apache close a connection after five idle seconds, and a code that is sent into the closing
/// is lost.
#[tokio::test]
async fn a_connection_that_the_provider_may_be_closing_is_not_used_again() {
    assert!(HttpLimits::default().idle < Duration::from_secs(5));
    let connections = async |idle: Duration| {
        let server = Server::start(Behaviour::KeepOpen).await;
        let http = Http::new(HttpLimits { idle, ..HttpLimits::default() }, true, None).unwrap();
        for _ in 0..5 {
            http.send(Request::get(server.url("/jwks"))).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.connections()
    };
    assert!(connections(Duration::from_secs(60)).await < 5, "one that was used just now is used again");
    assert_eq!(connections(Duration::from_millis(1)).await, 5);
}

/// B-34
#[tokio::test]
async fn a_provider_that_hangs_up_is_an_error_that_names_no_path() {
    let server = Server::start(Behaviour::HangUp).await;
    let error = client().send(Request::get(server.url("/token?code=s3cret"))).await.unwrap_err();
    assert!(matches!(&error, HttpError::Transport { host, .. } if host == "127.0.0.1"));
    assert!(!error.to_string().contains("s3cret") && !error.to_string().contains("/token"), "{error}");
    let closed = Http::new(SHORT, true, None)
        .unwrap()
        .send(Request::get("http://127.0.0.1:1025/".parse().unwrap()))
        .await;
    assert!(matches!(closed, Err(HttpError::Transport { .. })));
}

/// B-40, B-41
#[tokio::test]
async fn private_addresses_are_not_called_by_number_or_by_name() {
    let server = Server::start(Behaviour::Raw(response("200 OK", "", b"{}"))).await;
    let strict = Http::new(SHORT, false, None).unwrap();
    let port = server.address.port();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let error =
            strict.send(Request::get(format!("https://{host}:{port}/").parse().unwrap())).await.unwrap_err();
        assert!(matches!(error, HttpError::Url(_)), "{host}: {error}");
    }
    // Whether the name with a dot at its end is known at all depends on the machine.
    for host in ["localhost", "LOCALHOST", "localhost."] {
        let error =
            strict.send(Request::get(format!("https://{host}:{port}/").parse().unwrap())).await.unwrap_err();
        let unknown = host.ends_with('.') && matches!(error, HttpError::Transport { .. });
        assert!(unknown || matches!(error, HttpError::PrivateName(_)), "{host}: {error}");
    }
    assert_eq!(server.requests(), 0);
}

/// B-43
#[tokio::test]
async fn plain_http_and_odd_urls_are_refused_before_any_packet() {
    let strict = Http::new(SHORT, false, None).unwrap();
    for url in [
        "http://idp.example/",
        "https://u:p@idp.example/",
        "https://idp.example:6379/",
        "https://idp.example:22/",
        "ftp://idp.example/",
    ] {
        assert!(
            matches!(strict.send(Request::get(url.parse().unwrap())).await, Err(HttpError::Url(_))),
            "{url}"
        );
    }
}

/// E-34
#[test]
fn a_request_shows_no_secrets() {
    let request = Request::form(
        "https://idp.example/token?token=s3cret".parse().unwrap(),
        &[("client_secret".into(), "s3cret".into())],
    );
    let request = request.secret_header(::http::header::AUTHORIZATION, "Basic s3cret".parse().unwrap());
    assert_eq!(format!("{request:?}"), "POST https://idp.example/token");
}
