//! error: lifetime may not live long enough
use outrider::{future::Request, Failure, Responded};

pub async fn handle(request: Request<'_>) -> Result<Responded, Failure> {
    let piece = request.body().next(|piece| piece).await?;
    Ok(request.respond(200, &[], piece.unwrap_or_default())?)
}

fn main() {}
