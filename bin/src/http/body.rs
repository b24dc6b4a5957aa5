//! Bodies of large answers: in memory, each bounded, and all together.
//!
//! A body holds its share of the common room until its last piece is with the connection: whoever asks again and again and
//! reads nothing takes room from large answers, and never the memory of those who trade.

use std::io::{Error, Write};
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures::stream;
use messages::caps;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Code, Problem};

/// One permit of the room, in bytes.
const SHARE: usize = 64 << 10;

/// Bytes that are handed to the connection at a time; it asks for more when its own buffer is nearly empty.
const PIECE: usize = 64 << 10;

/// The memory that answers may take together.
#[derive(Debug, Clone)]
pub struct Answers(Arc<Semaphore>);

impl Default for Answers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(caps::ANSWERS_BYTES / SHARE)))
    }
}

impl Answers {
    /// Fills a body; it may take long.
    ///
    /// # Errors
    /// What `fill` says; or the body is too large, by itself or beside those that wait to be read.
    pub fn fill<T>(&self, fill: impl FnOnce(&mut Body) -> anyhow::Result<T>) -> Result<(Filled, T), Problem> {
        let mut body = Body { room: self.0.clone(), bytes: Vec::new(), share: None, is_crowded: false };
        match fill(&mut body) {
            Ok(value) => Ok((Filled { bytes: body.bytes, share: body.share }, value)),
            Err(_) if body.is_crowded => Err(Problem::new(Code::Unavailable, crowded())),
            Err(error) => Err(error.into()),
        }
    }
}

fn crowded() -> String {
    let most = caps::ANSWERS_BYTES >> 20;
    format!("answers that wait to be read take {most} MiB; read them, or ask again later or for fewer rows")
}

/// A body that is being written.
#[derive(Debug)]
pub struct Body {
    room: Arc<Semaphore>,
    bytes: Vec<u8>,
    share: Option<OwnedSemaphorePermit>,
    is_crowded: bool,
}

impl Body {
    /// Takes room for so many bytes in all.
    fn take_room(&mut self, bytes: usize) -> Result<(), Error> {
        let has = self.share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wants = bytes.div_ceil(SHARE);
        if wants <= has {
            return Ok(());
        }
        let more = u32::try_from(wants - has).unwrap_or(u32::MAX);
        let Ok(more) = self.room.clone().try_acquire_many_owned(more) else {
            self.is_crowded = true;
            return Err(Error::other(crowded()));
        };
        match &mut self.share {
            Some(share) => share.merge(more),
            None => self.share = Some(more),
        }
        Ok(())
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let after = self.bytes.len() + bytes.len();
        if after > caps::ANSWER_BYTES {
            let most = caps::ANSWER_BYTES >> 20;
            let text = format!("the answer is larger than {most} MiB; ask for fewer rows or columns, or as parquet");
            return Err(Error::other(text));
        }
        self.take_room(after)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A body that is whole.
#[derive(Debug)]
pub struct Filled {
    bytes: Vec<u8>,
    share: Option<OwnedSemaphorePermit>,
}

impl Filled {
    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, for who bounds what he has of it.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }

    /// Answers with it, piece by piece.
    pub fn answer(self, answer: &mut HttpResponseBuilder) -> HttpResponse {
        let all = self.bytes.len() as u64;
        let left = (Bytes::from(self.bytes), self.share);
        let pieces = stream::unfold(left, |(mut left, share)| async move {
            if left.is_empty() {
                return None;
            }
            let piece = left.split_to(PIECE.min(left.len()));
            Some((Ok::<_, Error>(piece), (left, share)))
        });
        answer.body(SizedStream::new(all, Box::pin(pieces)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(bytes: usize) -> impl FnOnce(&mut Body) -> anyhow::Result<()> {
        move |body| Ok(body.write_all(&vec![0; bytes])?)
    }

    #[test]
    fn a_body_has_its_bound() {
        let problem = Answers::default().fill(write(caps::ANSWER_BYTES + 1)).unwrap_err();
        assert!(problem.detail.contains("larger than 256 MiB"), "{problem}");
        assert_eq!(problem.code, Code::Invalid);
    }

    #[test]
    fn all_bodies_have_one_as_long_as_they_are_not_read() {
        let room = Answers::default();
        let waiting: Vec<Filled> = (0..caps::ANSWERS_BYTES / caps::ANSWER_BYTES)
            .map(|_| room.fill(write(caps::ANSWER_BYTES)).unwrap().0)
            .collect();
        let problem = room.fill(write(1)).unwrap_err();
        assert_eq!(problem.code, Code::Unavailable);
        drop(waiting);
        assert!(room.fill(write(1)).is_ok());
    }

    #[actix_web::test]
    async fn a_body_arrives_whole_and_frees_its_room() {
        let room = Answers::default();
        let (filled, ()) = room.fill(write(3 * PIECE + 1)).unwrap();
        let answer = filled.answer(&mut HttpResponse::Ok());
        assert!(room.0.available_permits() < caps::ANSWERS_BYTES / SHARE);
        let bytes = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
        assert_eq!(bytes.len(), 3 * PIECE + 1);
        assert_eq!(room.0.available_permits(), caps::ANSWERS_BYTES / SHARE);
    }
}
