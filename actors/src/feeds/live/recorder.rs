//! Records a feed: the raw frames as they came, one a line, `<receive time, ns> <json>`, as `replay` and `import` read them.
//!
//! A thread of its own writes; the feed never waits for it. What does not fit its queue is dropped and counted, and the
//! feed says so. Files begin anew after `record_file_bytes` and at every UTC midnight; a file that is finished is packed
//! with zstd. After a kill the last file is plain and may end in a cut line, which readers set aside; the next start packs it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messages::UtcNanos;

/// Lines that may wait for the disk: three seconds at 20,000 frames a second.
const QUEUE: usize = 65_536;
/// How long a line may stay in memory: what a kill may cost.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How long nothing is written after the disk has refused, or had no room.
const REST: Duration = Duration::from_secs(10);
/// ZSTD level of finished files.
const LEVEL: i32 = 6;
/// Ending of files that are being written.
const PLAIN: &str = "frames";

/// What a recorder is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The folder; it is made.
    pub folder: PathBuf,
    /// Bytes after which a new file begins.
    pub file_bytes: u64,
    /// Bytes of the disk that are left free: below it nothing is recorded.
    pub reserve_bytes: u64,
}

/// A line and when it was received.
type Line = (UtcNanos, Vec<u8>);

/// The feed's end of its recorder. Dropping it finishes the last file, too, if the process lives on for so long.
#[derive(Debug)]
pub struct Recorder {
    lines: flume::Sender<Line>,
    thread: std::thread::JoinHandle<()>,
    dropped: u64,
    failed: Arc<AtomicU64>,
}

impl Recorder {
    /// Starts recording `feed`; packs what an earlier run has left plain.
    ///
    /// # Errors
    /// The folder cannot be made, or the system has no thread.
    #[expect(clippy::disallowed_methods, reason = "a home of threads: writing a file blocks")]
    pub fn start(feed: &str, settings: Settings) -> io::Result<Self> {
        fs::create_dir_all(&settings.folder)?;
        // Beside the recording, which does not wait for it.
        let left = left(feed, &settings.folder)?;
        std::thread::Builder::new()
            .name("record-pack".to_owned())
            .spawn(move || left.iter().for_each(|path| pack(path)))?;
        let (lines, queue) = flume::bounded(QUEUE);
        let failed = Arc::new(AtomicU64::new(0));
        let writer = Writer::new(feed, settings, failed.clone());
        let thread = std::thread::Builder::new().name(format!("record-{feed}")).spawn(move || writer.run(&queue))?;
        Ok(Self { lines, thread, dropped: 0, failed })
    }

    /// Records a line, unless the disk is too slow for it.
    pub fn record(&mut self, received: UtcNanos, line: &[u8]) {
        if self.lines.try_send((received, line.to_vec())).is_err() {
            self.dropped += 1;
        }
    }

    /// Writes what waits and finishes the last file. Blocks for as long as that takes.
    pub fn finish(self) {
        drop(self.lines);
        let _ = self.thread.join();
    }

    /// Lines that are in no file: they did not fit the queue, or the disk refused them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.dropped + self.failed.load(Ordering::Relaxed)
    }
}

struct Writer {
    feed: String,
    settings: Settings,
    file: Option<Current>,
    /// Nothing is written before this receive time.
    resting: UtcNanos,
    /// Lines since the last flush: what is lost when the next one fails.
    unsaved: u64,
    failed: Arc<AtomicU64>,
}

struct Current {
    path: PathBuf,
    out: BufWriter<File>,
    bytes: u64,
    day: i64,
}

impl Writer {
    fn new(feed: &str, settings: Settings, failed: Arc<AtomicU64>) -> Self {
        let resting = UtcNanos::MIN;
        Self { feed: feed.to_owned(), settings, file: None, resting, unsaved: 0, failed }
    }

    fn run(mut self, lines: &flume::Receiver<Line>) {
        loop {
            match lines.recv_timeout(FLUSH_EVERY) {
                Ok((received, line)) => {
                    if received >= self.resting {
                        self.take(received, &line);
                    } else {
                        self.failed.fetch_add(1, Ordering::Relaxed);
                    }
                    if lines.is_empty() {
                        self.flush(received);
                    }
                }
                Err(flume::RecvTimeoutError::Timeout) => self.flush(UtcNanos::MIN),
                Err(flume::RecvTimeoutError::Disconnected) => break,
            }
        }
        self.flush(UtcNanos::MIN);
        if let Some(Current { path, .. }) = self.file {
            pack(&path);
        }
    }

    fn take(&mut self, received: UtcNanos, line: &[u8]) {
        self.unsaved += 1;
        if let Err(error) = self.write(received, line) {
            self.refused(received, &error);
        }
    }

    /// The disk has refused: the lines since the last flush are lost, and it is left alone for a while.
    fn refused(&mut self, received: UtcNanos, error: &io::Error) {
        tracing::warn!(feed = self.feed, "nothing is recorded for {}: {error}", crate::durations::format(REST));
        self.failed.fetch_add(std::mem::take(&mut self.unsaved), Ordering::Relaxed);
        self.file = None;
        self.resting = received.after(REST);
    }

    fn write(&mut self, received: UtcNanos, line: &[u8]) -> io::Result<()> {
        let day = received.0.div_euclid(86_400_000_000_000);
        if self.file.as_ref().is_some_and(|f| f.day != day || f.bytes >= self.settings.file_bytes) {
            self.finish(received);
        }
        if self.file.is_none() {
            self.file = Some(self.begin(received, day)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let stamp = format!("{} ", received.0);
        file.out.write_all(stamp.as_bytes())?;
        // An answer by REST may be laid out in lines, which JSON takes for spaces.
        for part in line.split(|b| matches!(b, b'\n' | b'\r')) {
            file.out.write_all(part)?;
        }
        file.out.write_all(b"\n")?;
        file.bytes += (stamp.len() + line.len() + 1) as u64;
        Ok(())
    }

    fn begin(&self, received: UtcNanos, day: i64) -> io::Result<Current> {
        if storage::disk::free(&self.settings.folder)? < self.settings.reserve_bytes {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk has less room than duckdb.reserve_bytes"));
        }
        let time: String = received.to_string().chars().filter(char::is_ascii_digit).take(20).collect();
        let path = self.settings.folder.join(format!("{}-{time}.{PLAIN}", self.feed));
        let out = BufWriter::with_capacity(1 << 18, File::create_new(&path)?);
        Ok(Current { path, out, bytes: 0, day })
    }

    fn flush(&mut self, received: UtcNanos) {
        match self.file.as_mut().map(|file| file.out.flush()) {
            Some(Err(error)) => self.refused(received, &error),
            _ => self.unsaved = 0,
        }
    }

    /// Closes the file and packs it on a thread of its own: the next lines do not wait for that.
    #[expect(clippy::disallowed_methods, reason = "a home of threads: packing takes seconds")]
    fn finish(&mut self, received: UtcNanos) {
        self.flush(received);
        let Some(Current { path, .. }) = self.file.take() else { return };
        let packing = std::thread::Builder::new().name("record-pack".to_owned()).spawn(move || pack(&path));
        if let Err(error) = packing {
            tracing::warn!("a recording stays unpacked: {error}");
        }
    }
}

/// What a killed run of the feed has left plain.
fn left(feed: &str, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut left = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    left.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix(feed).is_some_and(|rest| rest.starts_with('-')) && name.ends_with(&format!(".{PLAIN}"))
    });
    left.sort();
    Ok(left)
}

/// Replaces a file by its packed form, once that is whole and on the disk.
fn pack(path: &Path) {
    if let Err(error) = try_pack(path) {
        tracing::warn!(path = %path.display(), "a recording stays unpacked: {error}");
    }
}

fn try_pack(path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".zst");
    let packed = PathBuf::from(name);
    let unfinished = packed.with_extension("zst-unfinished");
    let mut out = File::create(&unfinished)?;
    zstd::stream::copy_encode(File::open(path)?, &mut out, LEVEL)?;
    out.sync_all()?;
    fs::rename(&unfinished, &packed)?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn text_of(folder: &Path) -> Vec<String> {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let read = |path: &PathBuf| {
            let mut text = String::new();
            zstd::stream::read::Decoder::new(File::open(path).unwrap()).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        files.iter().map(read).collect()
    }

    /// Writes lines as the recorder's thread does, on this one.
    fn record(folder: &Path, file_bytes: u64, lines: &[(i64, &str)]) {
        let settings = Settings { folder: folder.to_owned(), file_bytes, reserve_bytes: 0 };
        left("test", folder).unwrap().iter().for_each(|path| pack(path));
        let mut writer = Writer::new("test", settings, Arc::default());
        for (received, line) in lines {
            writer.write(UtcNanos(*received), line.as_bytes()).unwrap();
        }
        writer.flush(UtcNanos::MIN);
        if let Some(current) = writer.file.take() {
            pack(&current.path);
        }
    }

    #[test]
    fn lines_stay_whole_and_a_new_day_begins_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        const DAY: i64 = 86_400_000_000_000;
        record(folder.path(), 1 << 20, &[(1, "{\"a\":\n1}"), (2, "{}")]);
        record(folder.path(), 1 << 20, &[(DAY, "{}")]);
        assert_eq!(text_of(folder.path()), ["1 {\"a\":1}\n2 {}\n", &format!("{DAY} {{}}\n")]);
    }

    #[test]
    fn a_disk_without_room_is_left_alone_for_a_while_and_all_that_is_lost_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { folder: folder.path().to_owned(), file_bytes: 1 << 20, reserve_bytes: u64::MAX };
        let failed = Arc::new(AtomicU64::new(0));
        let writer = Writer::new("test", settings, failed.clone());
        let (lines, queue) = flume::bounded(4);
        for second in [0, 1, 2, 30] {
            lines.send((UtcNanos(second * 1_000_000_000), b"{}".to_vec())).unwrap();
        }
        drop(lines);
        writer.run(&queue);
        assert_eq!(failed.load(Ordering::Relaxed), 4);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file was begun");
    }

    #[test]
    fn what_a_killed_run_has_left_is_packed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("test-0.frames"), "5 {}\n6 {\"cu").unwrap();
        fs::write(folder.path().join("other-0.frames"), "not ours").unwrap();
        record(folder.path(), 1 << 20, &[]);
        assert!(folder.path().join("other-0.frames").exists());
        fs::remove_file(folder.path().join("other-0.frames")).unwrap();
        assert_eq!(text_of(folder.path()), ["5 {}\n6 {\"cu"]);
    }
}
