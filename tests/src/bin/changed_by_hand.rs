//! Rows of a stopped data directory changed as nobody should: `changed-by-hand DIR SQL [section.key=value]…`. What looks for such
//! changes is shown with it.

use std::path::Path;

use config::Layers;
use storage::datadir::{DataDir, Paths};
use storage::duck::instance::Instance;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("DIR SQL");
    let (dir, sql) = (next(), next());
    let layers = Layers { set: arguments.collect(), ..Layers::default() };
    let settings = config::load(&layers).expect("settings");
    let paths = Paths::of(Path::new(&dir), None);
    let _lock = DataDir::open(&paths).expect("a stopped directory");
    let instance = Instance::open(&paths.database, &settings.duckdb.options(), &paths.places).expect("an instance");
    instance.connect().expect("a connection").execute_batch(&sql).expect("rows to be changed");
    instance.checkpoint().expect("a checkpoint");
}
