//! The cache: what goes, what stays, what is believed, and who fetches.

use std::fs;
use std::path::Path;

use super::super::cache::Stats;
use super::super::{Cache, Cold, Error, Wanted};
use super::server::Server;
use super::{Sample, folder_store, settings};

/// A server with `n` objects of 1000 bytes.
fn stored(n: u8) -> (Server, Cold, Vec<Wanted>) {
    let server = Server::start();
    let cold = server.store("");
    let wanted = (0..n)
        .map(|seed| {
            let (sample, path) = (Sample::new(server.temp.path(), seed, 1000), format!("x/{seed}"));
            sample.put(&cold, &path).unwrap();
            sample.wanted(&path)
        })
        .collect();
    (server, cold, wanted)
}

fn open(dir: &Path, max_bytes: u64) -> Cache {
    Cache::open(&dir.join("cache"), max_bytes).unwrap()
}

/// Which of these lie in the cache's folder.
fn lying(dir: &Path, wanted: &[Wanted]) -> Vec<usize> {
    (0..wanted.len()).filter(|n| dir.join("cache").join(wanted[*n].hash.to_string()).exists()).collect()
}

#[test]
fn what_was_used_longest_ago_goes_first_and_what_is_in_use_stays() {
    let (server, cold, wanted) = stored(5);
    let dir = server.temp.path();
    let cache = open(dir, 3000);
    for one in &wanted[..3] {
        cache.get(&cold, one).unwrap();
    }
    cache.get(&cold, &wanted[0]).unwrap();
    cache.get(&cold, &wanted[3]).unwrap();
    assert_eq!(lying(dir, &wanted), [0, 2, 3]);
    let held = cache.get(&cold, &wanted[2]).unwrap();
    cache.get(&cold, &wanted[0]).unwrap();
    cache.get(&cold, &wanted[3]).unwrap();
    cache.get(&cold, &wanted[4]).unwrap();
    assert_eq!(lying(dir, &wanted), [2, 3, 4]);
    assert_eq!(fs::read(held.path()).unwrap().len(), 1000);
    let stats = Stats { hits: 4, misses: 5, fetched_bytes: 5000, bytes: 3000, evictions: 2 };
    assert_eq!(cache.stats(), stats);
}

#[test]
fn what_somebody_has_removed_is_fetched_again() {
    let (server, cold, wanted) = stored(1);
    let cache = open(server.temp.path(), 3000);
    let held = cache.get(&cold, &wanted[0]).unwrap();
    fs::remove_dir_all(server.temp.path().join("cache")).unwrap();
    let again = cache.get(&cold, &wanted[0]).unwrap();
    assert_eq!((fs::read(again.path()).unwrap().len(), cache.stats().misses), (1000, 2));
    drop((held, again));
    assert_eq!((cache.get(&cold, &wanted[0]).unwrap(), cache.stats().hits).1, 1);
}

#[test]
fn more_than_fits_at_once_is_refused_by_name_and_less_is_not() {
    let (server, cold, wanted) = stored(4);
    let cache = open(server.temp.path(), 3000);
    let error = cache.get_all(&cold, &wanted).unwrap_err();
    assert!(matches!(error, Error::CacheTooSmall { needed: 4000, allowed: 3000 }), "{error}");
    assert!(error.to_string().contains("tiers.cold.cache_bytes"));
    assert_eq!(cache.stats(), Stats::default());
    let held = cache.get_all(&cold, &wanted[..3]).unwrap();
    let order: Vec<_> = held.iter().map(|c| c.path().file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(order, wanted[..3].iter().map(|w| w.hash.to_string()).collect::<Vec<_>>());
    assert!(matches!(cache.get(&cold, &wanted[3]), Err(Error::CacheTooSmall { needed: 4000, .. })));
    drop(held);
    cache.get(&cold, &wanted[3]).unwrap();
    assert_eq!(cache.stats().bytes, 3000);
}

#[test]
fn one_object_is_fetched_once_however_many_ask() {
    let (server, cold, wanted) = stored(6);
    let cache = open(server.temp.path(), 1 << 20);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(cache.get_all(&cold, &wanted).unwrap().len(), 6));
        }
    });
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.fetched_bytes, stats.hits), (6, 6000, 30));
}

#[test]
fn a_small_cache_serves_many_in_turn() {
    let (server, cold, wanted) = stored(8);
    let cache = open(server.temp.path(), 4000);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (cache, cold, wanted) = (&cache, &cold, &wanted);
            scope.spawn(move || {
                for n in 0..60 {
                    let one = &wanted[(n * (thread + 1) + thread) % wanted.len()];
                    let held = cache.get(cold, one).unwrap();
                    assert_eq!(super::FileHash::of_file(held.path()).unwrap().hash, Some(one.hash));
                }
            });
        }
    });
    assert!(cache.stats().bytes <= 4000 && cache.stats().evictions > 0);
}

#[test]
fn a_restart_keeps_what_is_right_and_fetches_what_is_damaged() {
    let (server, cold, wanted) = stored(3);
    let dir = server.temp.path();
    drop(open(dir, 3000).get_all(&cold, &wanted).unwrap());
    let file = dir.join("cache").join(wanted[1].hash.to_string());
    let mut data = fs::read(&file).unwrap();
    data[500] ^= 1;
    fs::write(&file, data).unwrap();
    fs::write(dir.join("cache").join(format!("{}.part", wanted[2].hash)), b"half").unwrap();

    let cache = open(dir, 3000);
    assert_eq!(fs::read_dir(dir.join("cache")).unwrap().count(), 3);
    let held = cache.get_all(&cold, &wanted).unwrap();
    for (one, held) in wanted.iter().zip(&held) {
        assert_eq!(super::FileHash::of_file(held.path()).unwrap().hash, Some(one.hash));
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.bytes), (2, 1, 3000));
}

#[test]
fn a_smaller_bound_takes_hold_at_the_next_start() {
    let (server, cold, wanted) = stored(3);
    let dir = server.temp.path();
    drop(open(dir, 3000).get_all(&cold, &wanted).unwrap());
    assert_eq!(open(dir, settings::Cold { cache_bytes: 1500, ..super::settings("") }.cache_bytes).stats().bytes, 1000);
    assert_eq!(lying(dir, &wanted).len(), 1);
}

#[test]
fn a_failed_fetch_leaves_nothing_and_can_be_repeated() {
    let (server, cold, wanted) = stored(1);
    let cache = open(server.temp.path(), 3000);
    let kept = fs::read(server.file("x/0")).unwrap();
    fs::write(server.file("x/0"), b"damaged").unwrap();
    assert!(matches!(cache.get(&cold, &wanted[0]), Err(Error::Corrupted { .. })));
    assert_eq!((cache.stats().bytes, lying(server.temp.path(), &wanted)), (0, vec![]));
    fs::write(server.file("x/0"), kept).unwrap();
    cache.get(&cold, &wanted[0]).unwrap();
}

#[test]
fn a_folders_own_file_is_used_after_one_look_and_again_when_it_changed() {
    let temp = tempfile::tempdir().unwrap();
    let (cold, a) = (folder_store(temp.path()), Sample::new(temp.path(), 1, 5000));
    a.put(&cold, "x/a").unwrap();
    let cache = open(temp.path(), 1000);
    let wanted = a.wanted("x/a");
    for _ in 0..3 {
        assert_eq!(
            cache.get_all(&cold, std::slice::from_ref(&wanted)).unwrap()[0].path(),
            temp.path().join("cold/x/a")
        );
    }
    assert_eq!(cache.stats(), Stats { hits: 2, misses: 1, ..Stats::default() });
    fs::write(temp.path().join("cold/x/a"), b"damaged").unwrap();
    assert!(matches!(cache.get(&cold, &wanted), Err(Error::Corrupted { .. })));
}
