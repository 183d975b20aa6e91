//! error[E0308]: mismatched types
use outrider::{future::Request, Failure, Responded};

pub async fn handle(request: Request<'_>) -> Result<Responded, Failure> {
    let mut response = request.start(200, &[])?;
    response.write("part").await?;
    Ok(response)
}

fn main() {}
