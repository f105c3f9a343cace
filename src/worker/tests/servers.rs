//! Mail servers that refuse, hang up, hang, talk nonsense or without end: SEC F-16 … F-21.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::sink::{Mood, WAIT, counting_server, server};
use super::*;

#[tokio::test]
async fn a_mail_server_gets_the_letter_once_for_one_recipient() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let (port, mut given) = server(|_| None).await;
    round(&stage, &Arc::new(smtp(port))).await;
    let letter = given.recv().await.expect("a letter");
    assert!(letter.contains("\r\nTo: ada@acme.test\r\n") || letter.starts_with("To: ada@acme.test\r\n"), "{letter}");
    assert!(given.try_recv().is_err());
    let delivery = delivery(&stage, &invitation).await;
    assert_eq!((delivery.state.as_str(), delivery.answer.as_deref()), ("sent", Some("250 2.0.0 queued as 42")));
}

#[tokio::test]
async fn a_no_for_now_is_tried_again_and_a_no_for_good_is_not() {
    // SEC F-21. A no before the letter is even named is not about the letter.
    let moods: [(Mood, &str, u32); 13] = [
        (|line| (line == "END").then_some(""), "deferred", 1),
        (|line| line.starts_with("RCPT").then_some("451 4.7.1 greylisted"), "deferred", 0),
        (|line| (line == "END").then_some("452 4.3.1 full"), "deferred", 0),
        (|line| line.starts_with("MAIL").then_some(""), "deferred", 0),
        (|line| line.starts_with("DATA").then_some("451 not now"), "deferred", 0),
        (|line| (line == "HELLO").then_some("554 no service"), "deferred", 0),
        (|line| line.starts_with("RCPT").then_some("550 5.1.1 no such user"), "failed", 0),
        (|line| (line == "END").then_some("554 5.6.0 no"), "failed", 0),
        (|line| line.starts_with("RCPT").then_some("HTTP/1.1 200 OK"), "deferred", 0),
        (|line| line.starts_with("EHLO").then_some("\u{1}\u{2}garbage"), "deferred", 0),
        (|line| line.starts_with("MAIL").then_some("FLOOD"), "deferred", 0),
        (|line| (line == "END").then_some("FLOOD"), "deferred", 1),
        (|line| (line == "HELLO").then_some(""), "deferred", 0),
    ];
    for (at, (mood, state, unclear)) in moods.into_iter().enumerate() {
        let stage = stage().await;
        let (invitation, _) = stage.invited("ada").await;
        let (port, _given) = server(mood).await;
        let post = Arc::new(smtp(port));
        round(&stage, &post).await;
        let after = delivery(&stage, &invitation).await;
        assert_eq!((after.state.as_str(), after.attempts, after.unclear), (state, 1, unclear), "mood {at}: {:?}", after.answer);
        assert!(after.answer.is_some_and(|answer| !answer.is_empty() && answer.chars().count() <= 201), "mood {at}");
        assert_eq!(round(&stage, &post).await, 0, "mood {at}: not at once");
        stage.clock.advance(Duration::from_secs(6));
        assert_eq!(round(&stage, &post).await, usize::from(state == "deferred"), "mood {at}: after six seconds");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_smtp_is_given_up_and_one_that_hangs_up_is_not() {
    // SEC F-21, F-17.
    let moods: [(Mood, &str); 3] = [
        (|line| line.starts_with("EHLO").then_some("HTTP/1.1 400 Bad Request"), "failed"),
        (|line| line.starts_with("MAIL").then_some("FLOOD"), "failed"),
        (|line| (line == "HELLO").then_some(""), "deferred"),
    ];
    for (at, (mood, state)) in moods.into_iter().enumerate() {
        let stage = stage().await;
        let (invitation, _) = stage.invited("ada").await;
        let (port, _given) = server(mood).await;
        let post = Arc::new(smtp(port));
        for _ in 0..20 {
            round(&stage, &post).await;
            stage.clock.advance(Duration::from_secs(1800));
        }
        let after = delivery(&stage, &invitation).await;
        assert_eq!(after.state, state, "mood {at}: {:?}", after.answer);
        assert!(if state == "failed" { after.attempts == 3 } else { after.attempts > 3 }, "mood {at}: {}", after.attempts);
    }
}

#[tokio::test]
async fn a_server_that_takes_letters_and_hangs_up_gets_two_of_one_id() {
    // SEC F-18.
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let (port, mut given) = server(|line| (line == "END").then_some("")).await;
    let post = Arc::new(smtp(port));
    for _ in 0..100 {
        round(&stage, &post).await;
        stage.clock.advance(Duration::from_secs(1800));
    }
    let after = delivery(&stage, &invitation).await;
    assert_eq!((after.state.as_str(), after.unclear), ("failed", 2));
    let (one, other) = (given.recv().await.expect("a letter"), given.recv().await.expect("its duplicate"));
    assert_eq!(message_id(&one), message_id(&other));
    assert!(given.try_recv().is_err());
}

#[tokio::test]
async fn a_slow_server_is_left_in_time_and_nobody_else_waits_for_it() {
    // SEC F-19.
    let moods: [(Mood, u32); 6] = [
        (|line| (line == "HELLO").then_some("HANG"), 0),
        (|line| line.starts_with("EHLO").then_some("DRIP"), 0),
        (|line| line.starts_with("RCPT").then_some("HANG"), 0),
        (|line| line.starts_with("DATA").then_some("DRIP"), 0),
        (|line| (line == "END").then_some("HANG"), 1),
        (|line| (line == "END").then_some("DRIP"), 1),
    ];
    for (at, (mood, unclear)) in moods.into_iter().enumerate() {
        let stage = stage().await;
        let (invitation, _) = stage.invited("ada").await;
        let (port, _given) = server(mood).await;
        let mut post = smtp(port);
        let Way::Smtp(server) = &mut post.way else { panic!("a mail server") };
        server.deadlines = Deadlines { step: WAIT, whole: WAIT * 4 };
        let under_way = {
            let (stage, post) = (&stage, Arc::new(post));
            async move { round(stage, &post).await }
        };
        let meanwhile = async {
            let started = std::time::Instant::now();
            stage.invited("bob").await;
            assert!(started.elapsed() < WAIT, "an invitation waits for no letter");
        };
        tokio::time::timeout(WAIT * 20, async { tokio::join!(under_way, meanwhile) }).await.expect("left in time");
        let after = delivery(&stage, &invitation).await;
        assert_eq!((after.state.as_str(), after.unclear), ("deferred", unclear), "mood {at}: {:?}", after.answer);
    }
}

#[tokio::test]
async fn letters_to_a_dead_domain_hold_up_no_other() {
    let stage = stage().await;
    let mut names = Vec::new();
    for at in 0..40 {
        let domain = if at < 30 { "dead.test" } else { "fine.test" };
        let name = format!("u{at}");
        user(&stage.app, &stage.acme, json!({"userName": name, "emails": [{"value": format!("{name}@{domain}")}]})).await;
        names.push(name);
    }
    // The thirty are queued first.
    stage.invite(json!({"userNames": names[..30]})).await;
    stage.clock.advance(Duration::from_secs(1));
    stage.invite(json!({"userNames": names[30..]})).await;
    let mood: Mood = |line| line.contains("@dead.test").then_some("HANG");
    let (port, mut given, connections) = counting_server(mood).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let carrier = tokio::spawn(carry(stage.app.clone(), Arc::new(smtp(port)), async move {
        let _ = stopped.await;
    }));
    for _ in 0..10 {
        let letter = tokio::time::timeout(Duration::from_secs(20), given.recv()).await.expect("in time").expect("a letter");
        assert!(letter.contains("@fine.test"), "{letter}");
    }
    // Four hang, and the ten went over few connections, each used again.
    assert!(connections.load(Ordering::SeqCst) <= Shares::DOMAIN * 2, "{connections:?}");
    // SEC F-29: whoever hangs does not keep the process from ending.
    drop(stop);
    tokio::time::timeout(Duration::from_secs(10), carrier).await.expect("it ends").expect("without a panic");
}

#[tokio::test]
async fn a_server_that_is_away_gets_the_letter_when_it_comes_back() {
    // SEC F-17; the same Message-ID on every try (SEC F-16).
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let away = listener.local_addr().expect("an address").port();
    drop(listener);
    let post = Arc::new(smtp(away));
    let mut tries = 0;
    while tries < 4 {
        tries += u32::try_from(round(&stage, &post).await).expect("few");
        stage.clock.advance(Duration::from_secs(60));
    }
    let deferred = delivery(&stage, &invitation).await;
    assert_eq!((deferred.state.as_str(), deferred.attempts), ("deferred", 4));
    stage.clock.advance(Duration::from_secs(3 * 3600));
    let (port, mut given) = server(|_| None).await;
    round(&stage, &Arc::new(smtp(port))).await;
    assert!(given.recv().await.is_some());
    assert_eq!(delivery(&stage, &invitation).await.state, "sent");
    // And a server that never comes back ends with the link.
    let (lost, _) = stage.invited("bob").await;
    for _ in 0..80 {
        round(&stage, &post).await;
        stage.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(delivery(&stage, &lost).await.state, "failed");
}

#[tokio::test]
async fn without_tls_a_server_that_must_have_it_gets_nothing() {
    let stage = stage().await;
    let (invitation, _) = stage.invited("ada").await;
    let (port, mut given) = server(|_| None).await;
    let transport = Transport::Smtp { host: "127.0.0.1".into(), port, tls: Tls::Starttls, user: None, password: None };
    let post = Post::open(&MailSettings { from: "usher@acme.test".into(), transport }, "h").expect("a way out");
    round(&stage, &Arc::new(post)).await;
    assert_ne!(delivery(&stage, &invitation).await.state, "sent");
    assert!(given.try_recv().is_err());
}

#[tokio::test]
async fn a_clock_that_leaps_ahead_sends_nothing_twice() {
    // SEC F-22: leased, and then it is 80 hours later. What has expired is given up, once, and nothing is sent.
    let stage = stage().await;
    let (ada, _) = stage.invited("ada").await;
    let (port, mut given) = server(|_| None).await;
    let post = Arc::new(smtp(port));
    let held = leased(&stage).await.remove(0);
    stage.clock.advance(Duration::from_secs(80 * 3600));
    assert_eq!(round(&stage, &post).await, 1);
    let change = carry_one(&stage.app, &post, held).await;
    assert!(matches!(&change, Change::LetterTried { end: End::Failed, .. }), "{change:?}");
    let after = delivery(&stage, &ada).await;
    assert_eq!((after.state.as_str(), after.attempts), ("failed", 2));
    assert_eq!(round(&stage, &post).await, 0);
    assert!(given.try_recv().is_err());
}

/// A mail server whose certificate is for 127.0.0.1 and nobody's but its own. Tells what it read once TLS was up.
async fn untrusted(tls: Tls) -> (u16, mpsc::UnboundedReceiver<String>) {
    let pem = include_bytes!("../../../tests/data/mail/untrusted.pem");
    let certificate = CertificateDer::from_pem_slice(pem).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(pem).expect("its key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (taken, given) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if tls == Tls::Starttls {
                for answer in ["220 sink\r\n", "250-sink\r\n250 STARTTLS\r\n", "220 go on\r\n"] {
                    if !answer.starts_with("220 sink") {
                        let _ = stream.read(&mut [0; 512]).await;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"220 sink\r\n").await;
                let mut bytes = [0; 512];
                let count = stream.read(&mut bytes).await.unwrap_or_default();
                let _ = taken.send(String::from_utf8_lossy(&bytes[..count]).into_owned());
            }
        }
    });
    (port, given)
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    // lettre has sent to wrong hosts before (RUSTSEC-2026-0141).
    for tls in [Tls::Tls, Tls::Starttls] {
        let stage = stage().await;
        let (invitation, _) = stage.invited("ada").await;
        let (port, mut given) = untrusted(tls).await;
        let transport = Transport::Smtp { host: "127.0.0.1".into(), port, tls, user: None, password: None };
        let post = Post::open(&MailSettings { from: "usher@acme.test".into(), transport }, "h").expect("a way out");
        round(&stage, &Arc::new(post)).await;
        let after = delivery(&stage, &invitation).await;
        assert_eq!(after.state, "deferred", "{tls:?}");
        assert!(after.answer.as_deref().is_some_and(|answer| answer.contains("UnknownIssuer")), "{tls:?}: {:?}", after.answer);
        assert!(given.try_recv().is_err_and(|error| error == mpsc::error::TryRecvError::Empty), "{tls:?}");
    }
}
