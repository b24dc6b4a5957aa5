//! What is written and read as text: classes, hashes, keys, addresses. No secret comes out.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::super::answer::{Asked, tries};
use super::super::archived::restored;
use super::super::{Cold, Error, FileHash, Restore, RestoreSpeed, StorageClass, credentials};
use super::settings;
use messages::time::UtcNanos;

#[test]
fn classes_and_hashes_are_read_as_they_are_written() {
    for name in
        ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]
    {
        let class: StorageClass = name.parse().unwrap();
        assert_eq!(class.to_string(), name);
        assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{name}\""));
    }
    assert!("glacier".parse::<StorageClass>().is_err());
    let hash = FileHash::of(b"abc");
    // As the reference implementation says.
    assert_eq!(hash.to_string(), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    assert_eq!(hash.to_string().parse::<FileHash>().unwrap(), hash);
    assert!("6437".parse::<FileHash>().is_err());
    assert!(hash.to_string().to_uppercase().parse::<FileHash>().is_err());
}

fn keys(text: &str) -> Result<(String, String, Option<String>), Error> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    credentials::read(file.path().to_str().unwrap()).map(|c| (c.key_id, c.secret_key, c.token))
}

#[test]
fn keys_are_read_from_an_ini_file_or_from_variables() {
    let expected = ("AKID".to_owned(), "Sec/ret=".to_owned(), None);
    for text in [
        "[default]\naws_access_key_id = AKID\naws_secret_access_key = Sec/ret=\n",
        "[other]\naws_access_key_id=NO\naws_secret_access_key=NO\n[default]\naws_access_key_id=AKID\naws_secret_access_key=Sec/ret=",
        "# keys\nexport AWS_ACCESS_KEY_ID='AKID'\nexport AWS_SECRET_ACCESS_KEY=\"Sec/ret=\"\n",
    ] {
        assert_eq!(keys(text).unwrap(), expected, "{text}");
    }
    let token = keys("AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\nAWS_SESSION_TOKEN=c").unwrap().2;
    assert_eq!(token.as_deref(), Some("c"));
    let error = super::shown(keys("aws_access_key_id = AKIDSECRET\n"));
    assert!(error.contains("aws_secret_access_key") && !error.contains("AKIDSECRET"), "{error}");
    assert!(credentials::read("/nowhere/keys").is_err());
}

/// A store at `url` and `endpoint`, with keys.
fn open(url: &str, endpoint: &str) -> Result<Cold, Error> {
    let keys = tempfile::NamedTempFile::new().unwrap();
    fs::write(keys.path(), "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=hush\n").unwrap();
    let credentials_file = keys.path().display().to_string();
    let settings = settings::Cold { endpoint: endpoint.to_owned(), credentials_file, ..super::settings(url) };
    Cold::open(&settings, Path::new("/nowhere"))
}

#[test]
fn an_address_that_cannot_be_is_refused_without_its_secrets() {
    for (url, endpoint) in [
        ("http://host/bucket", ""),
        ("cold", ""),
        ("s3://", ""),
        ("s3://me:hush@bucket/x", ""),
        ("s3://bucket/x?versionId=1", ""),
        ("file://host/x", ""),
        ("s3://bucket", "ftp://host"),
        ("s3://bucket", "https://me:hush@host"),
        ("s3://bucket", "host:9000"),
    ] {
        let error = super::shown(open(url, endpoint));
        assert!(error.starts_with("tiers.cold.") && error.contains("expected"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
    for endpoint in ["", "https://s3.example.com", "http://10.0.0.1:9000"] {
        open("s3://bucket/prefix", endpoint).unwrap();
    }
}

#[test]
fn a_store_is_described_by_its_address() {
    let open = |url: &str, endpoint: &str| format!("{:?}", open(url, endpoint).unwrap());
    assert_eq!(open("s3://bucket/a/b", "http://127.0.0.1:1/"), "Cold(s3://bucket/a/b at http://127.0.0.1:1)");
    let temp = tempfile::tempdir().unwrap();
    let url = format!("file://{}/here", temp.path().display());
    assert_eq!(open(&url, ""), format!("Cold({url})"));
}

/// What an answer of a server means, by the name of the variant.
fn meaning(status: u16, code: &str) -> String {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>said so</Message></Error>");
    let asked = Asked { path: "x/a", store: "s3://bucket" };
    let error = asked.status(status, &body, 3, Duration::from_secs(2));
    let text = error.to_string();
    assert!(text.contains("s3://bucket"), "{text}");
    format!("{error:?}").split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn an_answer_is_told_apart_by_its_code_where_the_status_is_not_enough() {
    for (status, code, meant) in [
        (403, "InvalidObjectState", "Archived"),
        (403, "SignatureDoesNotMatch", "Denied"),
        (403, "AccessDenied", "Denied"),
        (400, "ExpiredToken", "Denied"),
        (404, "NoSuchKey", "Missing"),
        (404, "NoSuchBucket", "Settings"),
        (503, "SlowDown", "Unreachable"),
        (500, "InternalError", "Unreachable"),
        (507, "InsufficientStorage", "Full"),
        (405, "MethodNotAllowed", "Refused"),
        (301, "PermanentRedirect", "Refused"),
    ] {
        assert_eq!(meaning(status, code), meant, "{status} {code}");
    }
}

#[test]
fn the_number_of_tries_is_read_from_the_librarys_text() {
    let text = "Generic S3 error: Error performing GET http://h/b in 1.2s, after 5 retries, max_retries: 5, retry_timeout: 3s  - x";
    assert_eq!(tries(text), 6);
    assert_eq!(tries("Error performing GET http://h/b in 1.2s - Server returned non-2xx status code: 404"), 1);
}

#[test]
fn a_restore_says_how_far_it_is() {
    assert_eq!(restored("ongoing-request=\"true\""), Restore::Ongoing);
    let until = UtcNanos::from_secs(1_356_048_000);
    let ready = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\"";
    assert_eq!(restored(ready), Restore::Ready { until });
    assert_eq!(restored("ongoing-request=\"false\""), Restore::Ready { until: None });
}

#[test]
fn a_restore_takes_what_its_class_and_speed_take() {
    for (class, speed, hours) in [
        (StorageClass::Glacier, RestoreSpeed::Standard, 5),
        (StorageClass::Glacier, RestoreSpeed::Bulk, 12),
        (StorageClass::DeepArchive, RestoreSpeed::Standard, 12),
        (StorageClass::DeepArchive, RestoreSpeed::Bulk, 48),
        (StorageClass::DeepArchive, RestoreSpeed::Expedited, 12),
    ] {
        assert_eq!(speed.takes(class), Duration::from_secs(hours * 3600), "{class} {speed:?}");
    }
    assert_eq!(RestoreSpeed::Expedited.takes(StorageClass::Glacier), Duration::from_secs(300));
}
