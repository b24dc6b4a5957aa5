use super::*;
use crate::query::Range;
#[allow(missing_docs)]
impl Way {
    pub fn compare(
        &self,
        _: &Migration,
        _: &[String],
        _: Range,
        _: bool,
        _: &dyn Fn(Progress),
        _: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        Err(Error::Stopped)
    }
    pub fn leave(
        &self,
        _: &Migration,
        _: Option<&str>,
        _: &dyn Fn(Progress),
        _: &dyn Fn() -> bool,
    ) -> Result<Done, Error> {
        Err(Error::Stopped)
    }
}
