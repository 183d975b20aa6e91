//! error[E0382]: borrow of moved value: `response`
use outrider::{blocking::Request, Failure, Responded};

pub fn handle(request: Request<'_>) -> Result<Responded, Failure> {
    let mut response = request.start(200, &[])?;
    let responded = response.finish();
    response.write("more")?;
    Ok(responded)
}

fn main() {}
