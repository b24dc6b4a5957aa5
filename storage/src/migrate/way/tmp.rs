use super::*;
#[allow(missing_docs)]
impl Way {
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
