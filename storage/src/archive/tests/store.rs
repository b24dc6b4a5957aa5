//! Whose store it is: claimed before it is written to, and refused where it is another one.

use std::cell::RefCell;
use std::fs;

use super::super::{Did, Error};
use super::{directory, run, tiers};
use crate::tiers::Places;

/// The manifests in a store.
fn manifests(places: &Places) -> Vec<String> {
    let names = fs::read_dir(&places.cold).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = names.filter(|name| name.starts_with("manifest-")).collect();
    found.sort();
    found
}

#[test]
fn another_directory_leaves_a_first_run_alone() {
    let (_one, first, paths) = directory();
    let (_other, second, mut theirs) = directory();
    theirs.places.cold = paths.places.cold.clone();
    let meanwhile = RefCell::new(Vec::new());
    let on = |did: &Did| {
        if let Did::Uploaded(path) = did {
            let refused = run(&second, &theirs, tiers(), "2024-08-10").err();
            meanwhile.borrow_mut().push((refused, paths.places.cold.join(path).is_file()));
        }
    };
    let archive = super::archive(&first, &paths, tiers(), &on);
    let report = archive.run("2024-12-01".parse().unwrap(), &[]).unwrap();
    assert_eq!((report.done.len(), report.failed.len()), (4, 0));
    let meanwhile = meanwhile.into_inner();
    assert_eq!(meanwhile.len(), 4);
    for (refused, is_there) in meanwhile {
        assert!(matches!(refused, Some(Error::SecondWriter { .. })) && is_there, "{refused:?}");
    }
}

#[test]
fn who_has_written_nothing_there_removes_nothing_there() {
    let (_dir, instance, paths) = directory();
    let foreign = paths.places.cold.join("market_ticks/day=2024-08-01/part-0.parquet");
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "another one is about to say that it is its own").unwrap();
    run(&instance, &paths, tiers(), "2024-08-17").unwrap();
    assert!(foreign.is_file());
}

#[test]
fn another_store_than_the_one_that_was_written_to_is_refused() {
    let (_dir, instance, mut paths) = directory();
    run(&instance, &paths, tiers(), "2024-11-07 12:00:00").unwrap();
    let right = paths.places.cold.clone();
    paths.places.cold = right.with_extension("other");
    let refused = run(&instance, &paths, tiers(), "2024-12-01");
    assert!(matches!(refused, Err(Error::OtherStore { number: 2, .. })), "{refused:?}");
    assert_eq!(manifests(&paths.places), Vec::<String>::new());
    paths.places.cold = right;
    run(&instance, &paths, tiers(), "2024-12-01").unwrap();
}

#[test]
fn a_manifest_that_was_not_written_is_written_again() {
    let (_dir, instance, paths) = directory();
    run(&instance, &paths, tiers(), "2024-12-01").unwrap();
    assert_eq!(manifests(&paths.places), ["manifest-1.json", "manifest-2.json"]);
    fs::remove_file(paths.places.cold.join("manifest-2.json")).unwrap();
    let did = run(&instance, &paths, tiers(), "2024-12-01").unwrap();
    assert_eq!(did, [Did::Recorded("manifest-2.json".to_owned())]);
    assert_eq!(run(&instance, &paths, tiers(), "2024-12-01").unwrap(), []);
}

#[test]
fn a_run_that_is_stopped_leaves_a_record_of_what_has_moved() {
    let (_dir, instance, paths) = directory();
    let moved = RefCell::new(0);
    let on = |did: &Did| *moved.borrow_mut() += usize::from(matches!(did, Did::Placed(_)));
    let mut archive = super::archive(&instance, &paths, tiers(), &on);
    let go_on = || *moved.borrow() < 2;
    archive.go_on = &go_on;
    let stopped = archive.run("2024-08-17".parse().unwrap(), &[]);
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    assert_eq!(archive.local().unwrap().unwrap().pieces.len(), 2);
}
