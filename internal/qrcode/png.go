package qrcode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"rsc.io/qr"
)

const (
	modulePixels = 5 // pixels of a module, so that a phone reads it from a screen and a printer keeps it sharp
	quietModules = 4 // white modules around the code (ISO/IEC 18004)
	labelScale   = 2 // how many times the glyphs of the label, 7 by 13 pixels, are enlarged
)

// The labels below the codes, as the Ministry asks for them. An invoice with a KSeF number has this
// number below KOD I.
const (
	LabelOffline     = "OFFLINE"
	LabelCertificate = "CERTYFIKAT"
)

// PNG returns the image of a QR code that contains text, with the label below it. The label is
// printable ASCII; "" leaves it out. The same arguments give the same bytes.
func PNG(text, label string) ([]byte, error) {
	for _, r := range label {
		if r < ' ' || r > '~' {
			return nil, fmt.Errorf("make QR code: label %q has a character other than printable ASCII", label)
		}
	}
	// With level M about 15 % of the code may be damaged, and a link that is signed with RSA still
	// fits.
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("make QR code of %d characters: %w", len(text), err)
	}
	side := (code.Size + 2*quietModules) * modulePixels
	width, height, under := side, side, 0
	face := basicfont.Face7x13
	if label != "" {
		under = len(label) * face.Advance * labelScale
		width = max(side, under+2*quietModules*modulePixels)
		height += (face.Height + 2) * labelScale
	}
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.Black})
	left := (width - side) / 2
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fill(img, left+(x+quietModules)*modulePixels, (y+quietModules)*modulePixels, modulePixels)
			}
		}
	}
	if label != "" {
		write(img, label, (width-under)/2, side-modulePixels)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, img); err != nil {
		return nil, fmt.Errorf("make QR code: %w", err)
	}
	return out.Bytes(), nil
}

// fill blackens a square.
func fill(img *image.Paletted, x, y, side int) {
	for dy := range side {
		row := img.Pix[(y+dy)*img.Stride+x:]
		for dx := range side {
			row[dx] = 1
		}
	}
}

// write draws a label, enlarged, with its upper left corner at x, y.
func write(img *image.Paletted, label string, x, y int) {
	face := basicfont.Face7x13
	small := image.NewGray(image.Rect(0, 0, len(label)*face.Advance, face.Height))
	d := font.Drawer{Dst: small, Src: image.White, Face: face, Dot: fixed.P(0, face.Ascent)}
	d.DrawString(label)
	for sy := range face.Height {
		for sx := range small.Rect.Dx() {
			if small.GrayAt(sx, sy).Y > 127 {
				fill(img, x+sx*labelScale, y+sy*labelScale, labelScale)
			}
		}
	}
}
