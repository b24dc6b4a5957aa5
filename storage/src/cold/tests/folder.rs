//! A folder as the cold store.

use std::fs;

use super::super::{Error, Ready, Restore, StorageClass};
use super::{Sample, check_one_winner, check_store, folder_store, shown};

#[test]
fn a_folder_is_a_store() {
    let temp = tempfile::tempdir().unwrap();
    check_store(&folder_store(temp.path()), temp.path());
}

#[test]
fn one_of_several_writers_makes_an_object() {
    let temp = tempfile::tempdir().unwrap();
    check_one_winner(&folder_store(temp.path()));
}

#[test]
fn a_folder_has_no_classes_and_nothing_to_restore() {
    let temp = tempfile::tempdir().unwrap();
    let (cold, a) = (folder_store(temp.path()), Sample::new(temp.path(), 1, 10));
    cold.put("x/a", &a.file, StorageClass::Glacier, &a.hash).unwrap();
    let head = cold.head("x/a").unwrap().unwrap();
    assert_eq!((head.class, head.restore), (None, Restore::NotNeeded));
    assert_eq!(cold.restore("x/a").unwrap(), Ready::Now);
    assert!(matches!(cold.restore("x/b"), Err(Error::Missing { .. })));
}

#[test]
fn a_folder_that_is_gone_is_not_an_empty_store() {
    let temp = tempfile::tempdir().unwrap();
    let cold = folder_store(temp.path());
    assert_eq!(cold.list("").unwrap(), []);
    fs::remove_dir(temp.path().join("cold")).unwrap();
    assert!(matches!(cold.list(""), Err(Error::Io { .. })));
}

#[test]
fn damage_is_found_and_named() {
    let temp = tempfile::tempdir().unwrap();
    let (cold, a) = (folder_store(temp.path()), Sample::new(temp.path(), 1, 5000));
    a.put(&cold, "x/a").unwrap();
    let stored = temp.path().join("cold/x/a");
    let mut data = a.data.clone();
    data[4000] ^= 1;
    for damaged in [&data[..], &a.data[..4999]] {
        fs::write(&stored, damaged).unwrap();
        let to = temp.path().join("back");
        let error = shown(cold.fetch("x/a", &to, a.bytes(), &a.hash));
        assert!(error.contains("x/a in file://") && error.contains(&a.hash.to_string()), "{error}");
        assert!(matches!(cold.verify("x/a", a.bytes(), &a.hash), Err(Error::Corrupted { .. })));
        assert!(!to.exists() && !temp.path().join("back.part").exists());
    }
}

#[test]
fn a_file_that_is_not_the_one_that_was_meant_is_not_put() {
    let temp = tempfile::tempdir().unwrap();
    let cold = folder_store(temp.path());
    let (a, b) = (Sample::new(temp.path(), 1, 5000), Sample::new(temp.path(), 2, 5000));
    let error = cold.put("x/a", &a.file, StorageClass::Standard, &b.hash);
    assert!(matches!(error, Err(Error::Corrupted { .. })));
    assert_eq!(cold.head("x/a").unwrap(), None);
}

#[test]
fn a_large_file_goes_in_parts_and_comes_back() {
    let temp = tempfile::tempdir().unwrap();
    let (cold, a) = (folder_store(temp.path()), Sample::new(temp.path(), 1, (64 << 20) + 12_345));
    a.put(&cold, "x/a").unwrap();
    a.put(&cold, "x/a").unwrap();
    cold.verify("x/a", a.bytes(), &a.hash).unwrap();
    assert_eq!(cold.list("").unwrap().len(), 1);
}

#[test]
fn what_a_kill_left_half_written_is_not_there_and_goes() {
    let temp = tempfile::tempdir().unwrap();
    let (cold, a) = (folder_store(temp.path()), Sample::new(temp.path(), 1, 5000));
    let folder = temp.path().join("cold/x");
    fs::create_dir_all(&folder).unwrap();
    // As the library writes until a file is whole: killed before the rename.
    fs::write(folder.join("a#1"), &a.data[..100]).unwrap();
    fs::write(temp.path().join("back.part"), &a.data[..100]).unwrap();
    assert_eq!(cold.head("x/a").unwrap(), None);
    assert_eq!(cold.list("").unwrap(), []);
    a.put(&cold, "x/a").unwrap();
    assert!(!folder.join("a#1").exists());
    let to = temp.path().join("back");
    cold.fetch("x/a", &to, a.bytes(), &a.hash).unwrap();
    assert_eq!(fs::read(&to).unwrap(), a.data);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn it_blocks_where_blocking_is_allowed_and_may_end_anywhere() {
    let temp = tempfile::tempdir().unwrap();
    let a = Sample::new(temp.path(), 1, 5000);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cold = folder_store(temp.path());
    runtime.block_on(async {
        let theirs = cold.clone();
        tokio::task::spawn_blocking(move || a.put(&theirs, "x/a").unwrap()).await.unwrap();
        drop(cold);
    });
}
