//! A run of the archive that is killed with SIGKILL at its n-th sign of life: `killed-archive DIR NOW N [section.key=value]…`.
//! Exits 0 where the run has ended before, having printed how many signs there were.

use std::cell::Cell;
use std::path::Path;
use std::sync::Mutex;

use config::Layers;
use rustix::process::{Signal, getpid, kill_process};
use storage::archive::{Archive, Writer};
use storage::cold::Cold;
use storage::datadir::Paths;
use storage::duck::file;
use storage::duck::instance::Instance;
use storage::tiers::Published;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("DIR NOW N");
    let (dir, now, fatal) = (next(), next(), next());
    let layers = Layers { set: arguments.collect(), ..Layers::default() };
    let settings = config::load(&layers).expect("settings");
    let paths = Paths::of(Path::new(&dir), None);
    let instance = Instance::open(&paths.database, &settings.duckdb.options(), &paths.places).expect("an instance");
    let db = || instance.connect().expect("a connection");
    let writer = file::catch_up(db(), &paths, Published::default()).expect("tables");
    let fatal: usize = fatal.parse().expect("N is a number");
    let signs = Cell::new(0);
    let on = |_: &storage::archive::Did| {
        signs.set(signs.get() + 1);
        if signs.get() == fatal {
            kill_process(getpid(), Signal::KILL).expect("to kill itself");
        }
    };
    let archive = Archive {
        db: db(),
        writer: Writer::Own(Box::new(Mutex::new(writer))),
        cold: Cold::open(&settings.tiers.cold, &paths.places.cold).expect("a store"),
        places: paths.places,
        settings: settings.tiers,
        on: &on,
        settle: &|| true,
        go_on: &|| true,
    };
    let report = archive.run(now.parse().expect("NOW is a time"), &[]).expect("a run");
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    println!("{}", signs.get());
}
