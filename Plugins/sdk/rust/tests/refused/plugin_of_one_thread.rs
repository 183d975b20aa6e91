//! error[E0277]: `Rc<()>` cannot be sent between threads safely
use outrider::{Failure, Loading, Plugin};
use std::rc::Rc;

pub struct Hello(Rc<()>);

impl Plugin for Hello {
    fn load(_: &Loading<'_>) -> Result<Self, Failure> {
        Ok(Hello(Rc::new(())))
    }
}

fn main() {}
