//! error[E0382]: use of moved value: `request`
use outrider::{future::Request, Failure, Responded};

pub async fn handle(request: Request<'_>) -> Result<Responded, Failure> {
    let response = request.start(200, &[])?;
    request.respond(200, &[], "two")?;
    Ok(response.finish().await?)
}

fn main() {}
