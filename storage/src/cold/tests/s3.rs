//! A bucket as the cold store: an S3 server in this process, and one that is not there, silent, or cut off.

use std::fs;
use std::time::Duration;

use super::super::{Cold, Error, Put, StorageClass};
use super::server::{Fault, SECRET, Server, runtime, silent};
use super::{Sample, check_store, settings, shown};

#[test]
fn a_bucket_is_a_store() {
    let server = Server::start();
    check_store(&server.store(""), server.temp.path());
}

#[test]
fn a_prefix_is_a_store_of_its_own() {
    let server = Server::start();
    Sample::new(server.temp.path(), 3, 10).put(&server.store("/other"), "manifest-1.json").unwrap();
    check_store(&server.store("/mine/deep"), server.temp.path());
    assert_eq!(server.store("").list("other").unwrap()[0].path, "other/manifest-1.json");
}

#[test]
fn a_large_file_goes_in_parts_and_comes_back() {
    let server = Server::start();
    let (cold, a) = (server.store(""), Sample::new(server.temp.path(), 1, (64 << 20) + 12_345));
    a.put(&cold, "x/a").unwrap();
    a.put(&cold, "x/a").unwrap();
    cold.verify("x/a", a.bytes(), &a.hash).unwrap();
}

#[test]
fn an_object_says_its_class_and_the_hash_that_was_noted() {
    let server = Server::start();
    let (cold, a) = (server.store(""), Sample::new(server.temp.path(), 1, 100));
    a.put(&cold, "x/a").unwrap();
    let head = cold.head("x/a").unwrap().unwrap();
    assert_eq!((head.class, head.hash), (Some(StorageClass::Standard), Some(a.hash)));
}

#[test]
fn damage_is_found_and_named() {
    let server = Server::start();
    let (cold, a) = (server.store(""), Sample::new(server.temp.path(), 1, 5000));
    a.put(&cold, "x/a").unwrap();
    let mut data = a.data.clone();
    data[4000] ^= 1;
    fs::write(server.file("x/a"), data).unwrap();
    let to = server.temp.path().join("back");
    let error = cold.fetch("x/a", &to, a.bytes(), &a.hash);
    assert!(matches!(error, Err(Error::Corrupted { .. })), "{error:?}");
    assert!(!to.exists() && !server.temp.path().join("back.part").exists());
    assert!(matches!(a.put(&cold, "x/a"), Err(Error::Conflict { .. })));
}

#[test]
fn a_wrong_secret_is_told_from_everything_else_and_not_repeated() {
    let server = Server::start();
    let wrong = "WRONGSECRET0123456789";
    let cold = Cold::open(&server.settings("", server.address, wrong), server.temp.path()).unwrap();
    let a = Sample::new(server.temp.path(), 1, 100);
    let results = [
        a.put(&cold, "x/a"),
        cold.read("x/a").map(|_| ()),
        cold.list("").map(|_| ()),
        cold.delete("x/a"),
        cold.head("x/a").map(|_| ()),
        cold.put_if_absent("x/a", vec![1]).map(|_| ()),
    ];
    for result in results {
        assert!(matches!(result, Err(Error::Denied { .. })), "{result:?}");
        let text = format!("{result:?} {}", result.as_ref().unwrap_err());
        assert!(!text.contains(wrong) && !text.contains(SECRET) && !text.contains("Signature="), "{text}");
    }
}

/// How often `cold` tried before it gave a store up, for each kind of request.
fn check_unreachable(cold: &Cold, a: &Sample, tried: u32) {
    let to = a.file.with_extension("back");
    let results = [
        a.put(cold, "x/a"),
        cold.put_if_absent("x/a", vec![1]).map(|_| ()),
        cold.fetch("x/a", &to, a.bytes(), &a.hash),
        cold.list("x").map(|_| ()),
        cold.restore("x/a").map(|_| ()),
    ];
    for result in results {
        let Err(Error::Unreachable { tries, waited, .. }) = &result else { panic!("{result:?}") };
        assert_eq!(*tries, tried, "{result:?}");
        assert!(*waited < Duration::from_secs(10), "{result:?}");
    }
    assert!(!to.exists());
}

#[test]
fn a_server_that_is_down_is_given_up_after_a_few_tries() {
    let server = Server::start();
    let settings = settings::Cold { retries: 2, ..server.settings("", server.address, SECRET) };
    let temp = tempfile::tempdir().unwrap();
    let a = Sample::new(temp.path(), 1, 100);
    let cold = Cold::open(&settings, temp.path()).unwrap();
    drop(server);
    check_unreachable(&cold, &a, 3);
    let text = shown(a.put(&cold, "x/a"));
    assert!(text.contains("3 times") && text.contains("Connection refused"), "{text}");
}

#[test]
fn a_server_that_is_silent_is_given_up_in_time() {
    let (runtime, server) = (runtime(), Server::start());
    let settings = settings::Cold {
        retries: 1,
        request_timeout: Duration::from_millis(200),
        ..server.settings("", silent(&runtime), SECRET)
    };
    let cold = Cold::open(&settings, server.temp.path()).unwrap();
    check_unreachable(&cold, &Sample::new(server.temp.path(), 1, 100), 2);
}

#[test]
fn a_put_whose_answer_was_lost_counts() {
    let server = Server::start();
    let open = || {
        let wire = server.wire(Fault::PutAnswerLost);
        Cold::open(&server.settings("", wire, SECRET), server.temp.path()).unwrap()
    };
    Sample::new(server.temp.path(), 1, 5000).put(&open(), "x/a").unwrap();
    assert_eq!(open().put_if_absent("manifest-1.json", vec![7; 100]).unwrap(), Put::Created);
    assert_eq!(server.store("").put_if_absent("manifest-1.json", vec![7; 100]).unwrap(), Put::AlreadyThere);
}

#[test]
fn a_body_that_stops_is_taken_up_where_it_stopped() {
    let server = Server::start();
    let a = Sample::new(server.temp.path(), 1, 3_000_000);
    a.put(&server.store(""), "x/a").unwrap();
    let wire = server.wire(Fault::BodyStops);
    // A busy machine may stop it once more.
    let request_timeout = Duration::from_millis(500);
    let settings = settings::Cold { request_timeout, retries: 8, ..server.settings("", wire, SECRET) };
    let cold = Cold::open(&settings, server.temp.path()).unwrap();
    cold.verify("x/a", a.bytes(), &a.hash).unwrap();
}
