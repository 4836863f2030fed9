//! Pictures are decoded and written anew: so what is shown is a picture and nothing else, without the place where it was
//! taken and whatever else was in the file.
//!
//! Nothing here does I/O. What a picture costs is bounded before it is decoded: its pixels and its memory by its header,
//! its time by the pixels and the number of times that a file goes over them.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::kind::{FileType, JPEG, PNG, Purpose, WEBP};

/// The quality of a JPEG that is written: at this one no difference is seen.
const QUALITY: u8 = 90;
/// The most scans of a JPEG. A usual progressive one has ten; each goes over all pixels, and may take a few bytes only.
const SCANS: usize = 32;
/// The bytes that a decoder of JPEG or WebP takes for each pixel beside those of the picture: the coefficients of a
/// progressive JPEG, three or four of two bytes; the planes and transforms of a WebP, or the canvas of an animated one.
const BESIDE: u64 = 8;

/// What decoding may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The most pixels.
    pub pixels: u64,
    /// The most bytes of memory for one picture.
    pub memory: u64,
}

/// A file that is no picture of its type, or costs more than the bounds allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unfit;

impl From<image::ImageError> for Unfit {
    fn from(_: image::ImageError) -> Self {
        Self
    }
}

/// The bytes of memory that [`anew`] takes for this picture at most, by its header. Nothing of it is decoded yet.
pub(super) fn cost(bytes: &[u8], file_type: FileType, purpose: Purpose, bounds: Bounds) -> Result<u64, Unfit> {
    let decoder = decoder(bytes, file_type, bounds)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > bounds.pixels {
        return Err(Unfit);
    }
    let beside = match file_type {
        PNG => 0,
        JPEG => match scans(bytes) {
            0 | 1 => 0,
            2..=SCANS => BESIDE,
            _ => return Err(Unfit),
        },
        _ => BESIDE,
    };
    let each = u64::from(decoder.color_type().bytes_per_pixel());
    // Once it is decoded, it is copied as large as it is stored: when it is made smaller, turned or has other channels, of
    // four bytes a pixel at most, and what is written is no larger.
    let side = u64::from(purpose.side());
    let copied = pixels.min(side * side) * each.max(4);
    // The decoder of JPEG keeps a second copy of the file.
    let cost = pixels * each + copied.max(pixels * beside) + 2 * bytes.len() as u64;
    if cost > bounds.memory { Err(Unfit) } else { Ok(cost) }
}

/// The picture, written anew: turned as its metadata says, no larger than its purpose needs, and without any metadata.
/// Of an animated one this is the first picture. A JPEG stays one and a PNG too; a WebP becomes the one or the other.
///
/// It blocks for up to a second or two. The caller has called [`cost`].
pub(super) fn anew(
    bytes: &[u8],
    file_type: FileType,
    purpose: Purpose,
    bounds: Bounds,
) -> Result<(Vec<u8>, FileType), Unfit> {
    let mut decoder = decoder(bytes, file_type, bounds)?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    let side = purpose.side();
    if picture.width().max(picture.height()) > side {
        picture = picture.thumbnail(side, side);
    }
    picture.apply_orientation(orientation);
    let picture = plain(picture);
    let written_as = if file_type == JPEG || (file_type == WEBP && !picture.color().has_alpha()) { JPEG } else { PNG };
    let mut written = Vec::new();
    if written_as == JPEG {
        picture.write_with_encoder(JpegEncoder::new_with_quality(&mut written, QUALITY))?;
    } else {
        picture.write_with_encoder(PngEncoder::new(&mut written))?;
    }
    Ok((written, written_as))
}

fn decoder<'a>(bytes: &'a [u8], file_type: FileType, bounds: Bounds) -> Result<impl ImageDecoder + 'a, Unfit> {
    let format = match file_type {
        JPEG => ImageFormat::Jpeg,
        PNG => ImageFormat::Png,
        WEBP => ImageFormat::WebP,
        _ => return Err(Unfit),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bounds.memory);
    reader.limits(limits);
    Ok(reader.into_decoder()?)
}

/// The picture with eight bits a channel, and with transparency only if some pixel is transparent.
fn plain(picture: DynamicImage) -> DynamicImage {
    match picture.color() {
        ColorType::L8 | ColorType::Rgb8 => picture,
        ColorType::L16 => picture.into_luma8().into(),
        color if !color.has_alpha() => picture.into_rgb8().into(),
        _ => {
            let picture = picture.into_rgba8();
            let is_opaque = picture.pixels().all(|pixel| pixel.0[3] == u8::MAX);
            let picture = DynamicImage::from(picture);
            if is_opaque { picture.into_rgb8().into() } else { picture }
        }
    }
}

/// How often a JPEG goes over its pixels. In what is compressed the byte 0xFF is always followed by 0, so only markers are
/// counted, and at most what looks like one in the metadata.
fn scans(bytes: &[u8]) -> usize {
    bytes.windows(2).filter(|pair| **pair == [0xff, 0xda]).count()
}

#[cfg(test)]
mod tests;
