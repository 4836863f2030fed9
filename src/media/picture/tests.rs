//! Tests of pictures: what is read, what is refused, and what is left of a file that is written anew.

use image::{GenericImageView as _, GrayImage, ImageEncoder as _, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

const BOUNDS: Bounds = Bounds { pixels: 16 << 20, memory: 128 << 20 };

fn rgb(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (x + y) as u8]))
}

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).expect("it can be written");
    bytes.into_inner()
}

fn both(bytes: &[u8], file_type: FileType) -> Result<(Vec<u8>, FileType), Unfit> {
    cost(bytes, file_type, Purpose::Avatar, BOUNDS)?;
    anew(bytes, file_type, Purpose::Avatar, BOUNDS)
}

fn read(bytes: &[u8], file_type: FileType) -> DynamicImage {
    DynamicImage::from_decoder(decoder(bytes, file_type, BOUNDS).expect("a picture")).expect("a picture")
}

/// A JPEG whose metadata says how it is to be turned, and where it was taken.
fn with_exif(mut jpeg: Vec<u8>, orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01".to_vec();
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"GPS 30.0444 N 31.2357 E");
    let size = u16::try_from(exif.len() + 2).expect("small").to_be_bytes();
    let segment = [&[0xff, 0xe1], &size[..], &exif].concat();
    jpeg.splice(2..2, segment);
    jpeg
}

/// A PNG with this chunk after its header.
fn with_chunk(mut png: Vec<u8>, name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let body = [name.as_slice(), content].concat();
    let size = u32::try_from(content.len()).expect("small").to_be_bytes();
    let chunk = [&size[..], &body, &crc32(&body).to_be_bytes()].concat();
    png.splice(33..33, chunk);
    png
}

/// The checksum of a chunk (PNG, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// A PNG of this size whose header is all that it has.
fn header(width: u32, height: u32) -> Vec<u8> {
    let mut png = written(rgb(1, 1), ImageFormat::Png);
    let mut content = png[12..29].to_vec();
    content[4..8].copy_from_slice(&width.to_be_bytes());
    content[8..12].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&content).to_be_bytes();
    png.splice(12..33, [&content[..], &crc].concat());
    png
}

#[test]
fn each_type_is_read_and_written_anew() {
    let clear = RgbaImage::from_pixel(40, 30, Rgba([9, 8, 7, 100]));
    let opaque = RgbaImage::from_pixel(40, 30, Rgba([9, 8, 7, 255]));
    for (picture, format, file_type, becomes) in [
        (DynamicImage::from(rgb(40, 30)), ImageFormat::Jpeg, JPEG, JPEG),
        (GrayImage::new(40, 30).into(), ImageFormat::Jpeg, JPEG, JPEG),
        (rgb(40, 30).into(), ImageFormat::Png, PNG, PNG),
        (clear.clone().into(), ImageFormat::Png, PNG, PNG),
        (DynamicImage::from(rgb(40, 30)).into_rgb16().into(), ImageFormat::Png, PNG, PNG),
        (rgb(40, 30).into(), ImageFormat::WebP, WEBP, JPEG),
        (opaque.into(), ImageFormat::WebP, WEBP, JPEG),
        (clear.into(), ImageFormat::WebP, WEBP, PNG),
    ] {
        let had_alpha = becomes == PNG && picture.color().has_alpha();
        let (bytes, written_as) = both(&written(picture, format), file_type).expect("a picture");
        assert_eq!(written_as, becomes);
        let shown = read(&bytes, written_as);
        assert_eq!((shown.dimensions(), shown.color().has_alpha()), ((40, 30), had_alpha));
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    let png = written(rgb(40, 30), ImageFormat::Png);
    let magic = &png[..8];
    let page = [magic, b"<html><script>alert(1)</script></html>"].concat();
    for bytes in [magic, &page, &png[..png.len() / 2], b"", b"%PDF-1.7 paid", &header(0, 1), &header(1, 0)] {
        assert_eq!(both(bytes, PNG), Err(Unfit), "{} bytes", bytes.len());
    }
    for file_type in [JPEG, WEBP] {
        assert_eq!(both(&png, file_type), Err(Unfit), "another type than announced");
    }
    assert_eq!(both(&[0xff, 0xd8, 0xff, 0xe0], JPEG), Err(Unfit));
    assert_eq!(both(b"RIFF\x10\0\0\0WEBPVP8 ", WEBP), Err(Unfit));
}

#[test]
fn a_picture_beyond_the_bounds_is_refused_by_its_header() {
    assert_eq!(cost(&header(60_000, 60_000), PNG, Purpose::Avatar, BOUNDS), Err(Unfit));
    assert_eq!(cost(&header(u32::MAX >> 1, 1), PNG, Purpose::Avatar, BOUNDS), Err(Unfit));
    let small = Bounds { pixels: 1_200, memory: 1 << 20 };
    assert!(cost(&header(40, 30), PNG, Purpose::Avatar, small).is_ok());
    assert_eq!(cost(&header(40, 31), PNG, Purpose::Avatar, small), Err(Unfit));
    assert_eq!(cost(&header(400, 300), PNG, Purpose::Avatar, Bounds { memory: 1 << 18, ..BOUNDS }), Err(Unfit));
    // Each scan of a JPEG costs as much as a whole one, and may take a few bytes.
    let jpeg = written(rgb(40, 30), ImageFormat::Jpeg);
    let once = cost(&jpeg, JPEG, Purpose::Avatar, BOUNDS).expect("a picture");
    let again = |times: usize| [jpeg.as_slice(), &[0xff, 0xda].repeat(times)].concat();
    assert!(cost(&again(1), JPEG, Purpose::Avatar, BOUNDS).expect("a picture") > once + 1_200 * (BESIDE - 4));
    assert_eq!(cost(&again(SCANS), JPEG, Purpose::Avatar, BOUNDS), Err(Unfit));
}

#[test]
fn a_proof_costs_the_copy_that_is_made_when_it_is_turned() {
    let proof = with_exif(written(rgb(3_000, 1_500), ImageFormat::Jpeg), 6);
    let pixels = 3_000 * 1_500;
    let cost = |purpose| cost(&proof, JPEG, purpose, BOUNDS).expect("a picture");
    assert!(cost(Purpose::Proof) >= 2 * pixels * 3, "it is stored as large as it is, so two of it are held");
    assert!(cost(Purpose::Avatar) < cost(Purpose::Proof), "a smaller one is turned after it is made smaller");
}

#[test]
fn a_large_picture_becomes_as_large_as_it_is_shown() {
    let (bytes, _) = both(&written(rgb(3_000, 1_500), ImageFormat::Jpeg), JPEG).expect("a picture");
    assert_eq!(read(&bytes, JPEG).dimensions(), (1_024, 512));
}

#[test]
fn a_picture_is_turned_as_its_metadata_says_and_loses_it() {
    let sent = with_exif(written(rgb(40, 30), ImageFormat::Jpeg), 6);
    let (bytes, _) = both(&sent, JPEG).expect("a picture");
    assert_eq!(read(&bytes, JPEG).dimensions(), (30, 40));
    for words in [b"GPS".as_slice(), b"Exif"] {
        assert!(sent.windows(words.len()).any(|part| part == words));
        assert!(!bytes.windows(words.len()).any(|part| part == words));
    }
    let sent = with_chunk(written(rgb(40, 30), ImageFormat::Png), b"tEXt", b"Comment\0taken at home");
    let (bytes, _) = both(&[&sent[..], b"<script>"].concat(), PNG).expect("a picture");
    for words in [b"taken".as_slice(), b"script"] {
        assert!(!bytes.windows(words.len()).any(|part| part == words));
    }
}

#[test]
fn a_profile_that_unfolds_without_end_costs_no_more_than_the_bounds() {
    // 20 MB of zeros, which a PNG's profile may hold compressed.
    let mut zeros = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut zeros);
    encoder.write_image(&vec![0; 20 << 20], 5 << 10, 4 << 10, image::ExtendedColorType::L8).expect("it can be written");
    let at = zeros.windows(4).position(|part| part == b"IDAT").expect("it has content");
    let size = u32::from_be_bytes(zeros[at - 4..at].try_into().expect("four bytes")) as usize;
    let profile = [b"x\0\0", &zeros[at + 4..at + 4 + size]].concat();
    let sent = with_chunk(written(rgb(40, 30), ImageFormat::Png), b"iCCP", &profile);
    if let Ok((bytes, _)) = anew(&sent, PNG, Purpose::Avatar, Bounds { memory: 1 << 20, ..BOUNDS }) {
        assert_eq!(read(&bytes, PNG).dimensions(), (40, 30));
    }
}

/// Of an animated picture the first one is shown; the frames are not decoded.
#[test]
fn of_an_animated_picture_the_first_is_shown() {
    let still = written(rgb(40, 30), ImageFormat::Png);
    let (control, frame) = ([0, 0, 0, 2, 0, 0, 0, 0], [0_u32, 40, 30, 0, 0].map(u32::to_be_bytes).concat());
    let frame = [&frame[..], &[0, 1, 0, 10, 0, 0]].concat();
    let sent = with_chunk(with_chunk(still, b"fcTL", &frame), b"acTL", &control);
    let (bytes, _) = both(&sent, PNG).expect("a picture");
    assert_eq!(read(&bytes, PNG).dimensions(), (40, 30));
    assert!(!bytes.windows(4).any(|part| part == b"acTL"));
}

#[test]
fn no_file_of_random_changes_is_more_than_refused() {
    let sent = [
        (written(rgb(40, 30), ImageFormat::Jpeg), JPEG),
        (written(rgb(40, 30), ImageFormat::Png), PNG),
        (written(rgb(40, 30), ImageFormat::WebP), WEBP),
    ];
    for (bytes, file_type) in sent {
        for at in 0..bytes.len().min(1_000) {
            let mut changed = bytes.clone();
            changed[at] = changed[at].wrapping_mul(31).wrapping_add(17);
            // Whatever comes of it, nothing panics, and what is written can be read.
            if let Ok((anew, written_as)) = both(&changed, file_type) {
                read(&anew, written_as);
            }
        }
    }
}
