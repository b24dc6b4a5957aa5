//! Real servers, where a variable gives the address of one: SeaweedFS (`MERGANSER_TEST_S3`) for the store itself, moto
//! (`MERGANSER_TEST_MOTO`), which archives and restores as Amazon does. `tests/show/support/s3.sh` starts both.
//! The keys are in the `AWS_*` variables, the bucket `merganser-test` is there.

use std::thread;

use super::super::{Cold, Error, Ready, Restore, StorageClass};
use super::{Sample, check_one_winner, check_store, settings};

const BUCKET: &str = "merganser-test";

/// The settings for the server whose address is in `variable`, below a folder of its own; none if there is none.
#[expect(clippy::disallowed_methods, reason = "real servers are named by the environment")]
fn real(variable: &str, prefix: &str) -> Option<settings::Cold> {
    let Ok(endpoint) = std::env::var(variable) else {
        println!("skipped: {variable} names no server");
        return None;
    };
    let url = format!("s3://{BUCKET}/{prefix}-{}", std::process::id());
    Some(settings::Cold { endpoint, retries: 3, ..super::settings(&url) })
}

#[test]
fn a_real_server_is_a_store() {
    let Some(settings) = real("MERGANSER_TEST_S3", "store") else { return };
    let temp = tempfile::tempdir().unwrap();
    let cold = Cold::open(&settings, temp.path()).unwrap();
    check_store(&cold, temp.path());
    check_one_winner(&cold);
    let large = Sample::new(temp.path(), 9, (64 << 20) + 12_345);
    large.put(&cold, "x/large").unwrap();
    large.put(&cold, "x/large").unwrap();
    let keys = temp.path().join("keys");
    std::fs::write(&keys, "AWS_ACCESS_KEY_ID=TESTACCESSKEY\nAWS_SECRET_ACCESS_KEY=wrong\n").unwrap();
    let wrong = settings::Cold { credentials_file: keys.display().to_string(), ..settings };
    let wrong = Cold::open(&wrong, temp.path()).unwrap();
    assert!(matches!(wrong.read("x/large"), Err(Error::Denied { .. })));
    assert!(matches!(wrong.head("x/large"), Err(Error::Denied { .. })));
    println!("{}", super::shown(wrong.read("x/large")));
}

#[test]
fn a_bucket_that_is_not_there_is_a_setting_to_correct() {
    let Some(settings) = real("MERGANSER_TEST_MOTO", "none") else { return };
    let temp = tempfile::tempdir().unwrap();
    let cold = Cold::open(&settings::Cold { url: "s3://no-such-bucket".to_owned(), ..settings }, temp.path()).unwrap();
    let a = Sample::new(temp.path(), 1, 100);
    for result in [a.put(&cold, "x/a"), cold.read("x/a").map(|_| ()), cold.list("").map(|_| ())] {
        assert!(matches!(result, Err(Error::Settings { .. })), "{result:?}");
        println!("{}", super::shown(result));
    }
}

#[test]
fn a_class_is_kept_with_the_object() {
    let Some(settings) = real("MERGANSER_TEST_S3", "class") else { return };
    let temp = tempfile::tempdir().unwrap();
    let (cold, a) = (Cold::open(&settings, temp.path()).unwrap(), Sample::new(temp.path(), 1, 5000));
    cold.put("x/a", &a.file, StorageClass::GlacierIr, &a.hash).unwrap();
    let head = cold.head("x/a").unwrap().unwrap();
    assert_eq!((head.class, head.restore), (Some(StorageClass::GlacierIr), Restore::NotNeeded));
    assert_eq!(head.hash, Some(a.hash));
    cold.verify("x/a", a.bytes(), &a.hash).unwrap();
}

#[test]
fn an_archived_object_is_refused_restored_and_read() {
    let Some(settings) = real("MERGANSER_TEST_MOTO", "archive") else { return };
    let temp = tempfile::tempdir().unwrap();
    let cold = Cold::open(&settings, temp.path()).unwrap();
    let (a, b) = (Sample::new(temp.path(), 1, 5000), Sample::new(temp.path(), 2, 5000));
    for (path, class) in [("x/glacier", StorageClass::Glacier), ("x/deep", StorageClass::DeepArchive)] {
        cold.put(path, &a.file, class, &a.hash).unwrap();
        cold.put(path, &a.file, class, &a.hash).unwrap();
        assert!(matches!(cold.put(path, &b.file, class, &b.hash), Err(Error::Conflict { .. })));
        let head = cold.head(path).unwrap().unwrap();
        assert_eq!((head.class, head.restore), (Some(class), Restore::Archived));
        let error = cold.fetch(path, &temp.path().join("back"), a.bytes(), &a.hash).unwrap_err();
        assert!(matches!(error, Error::Archived { .. }), "{error}");
        println!("{error}");
        let ready = cold.restore(path).unwrap();
        assert!(matches!(ready, Ready::Within(_)), "{ready:?}");
        println!("{path}: {ready:?}");
        println!("{path}: {:?}", cold.head(path).unwrap().unwrap().restore);
        let mut again = cold.restore(path).unwrap();
        for _ in 0..20 {
            if again == Ready::Now {
                break;
            }
            wait();
            again = cold.restore(path).unwrap();
        }
        assert_eq!(again, Ready::Now);
        println!("{path}: {:?}", cold.head(path).unwrap().unwrap().restore);
        cold.verify(path, a.bytes(), &a.hash).unwrap();
        cold.put(path, &a.file, class, &a.hash).unwrap();
    }
    let asked = ["x/deep", "x/glacier"].map(|path| (path.to_owned(), Ready::Now));
    assert_eq!(cold.asked_back().unwrap(), asked, "what was asked for is known");
    assert!(matches!(cold.restore("x/none"), Err(Error::Missing { .. })));
}

#[expect(clippy::disallowed_methods, reason = "a real server takes real time")]
fn wait() {
    thread::sleep(std::time::Duration::from_millis(500));
}
