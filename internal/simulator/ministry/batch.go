package ministry

import (
	"crypto/sha256"
	"net/http"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/strictjson"
)

// openBatch opens a session for the package that the client declares, and answers with the
// addresses to which the parts of the package go.
func (m sessionOps) openBatch(c *call) (simulator.Reply, *problem) {
	type part struct {
		Ordinal int32             `json:"ordinalNumber"`
		Size    int64             `json:"fileSize"`
		Hash    strictjson.Octets `json:"fileHash"`
	}
	type file struct {
		Size        int64             `json:"fileSize"`
		Hash        strictjson.Octets `json:"fileHash"`
		Compression string            `json:"compressionType,omitempty"`
		Parts       []part            `json:"fileParts"`
	}
	var body struct {
		Form       formCode   `json:"formCode"`
		File       file       `json:"batchFile"`
		Encryption encryption `json:"encryption"`
		Offline    bool       `json:"offlineMode,omitempty"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	switch {
	case len(body.File.Hash) != sha256.Size:
		return simulator.Reply{}, badInput("batchFile.fileHash needs 32 bytes")
	case body.File.Compression != "" && body.File.Compression != "Zip" && body.File.Compression != "TarGz":
		return simulator.Reply{}, badInput("batchFile.compressionType: %q is neither Zip nor TarGz", body.File.Compression)
	}
	if p := m.checkKeyID(body.Encryption.KeyID); p != nil {
		return simulator.Reply{}, p
	}
	declared := &simulator.Package{
		Size: body.File.Size, Hash: body.File.Hash, TarGz: body.File.Compression == "TarGz", Offline: body.Offline,
	}
	for _, p := range body.File.Parts {
		declared.Parts = append(declared.Parts, simulator.PackagePart{Ordinal: p.Ordinal, Size: p.Size, Hash: p.Hash})
	}
	s, uploads, refused := m.face.Sessions().Open(simulator.Opening{
		Account: c.account, Author: author(c.access), System: body.Form.System, Schema: body.Form.Schema, Value: body.Form.Value,
		Key: body.Encryption.Key, IV: body.Encryption.IV, Package: declared,
	}, m.base(c.r))
	if refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	c.opened = s.ID
	type upload struct {
		Ordinal int               `json:"ordinalNumber"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
	answer := struct {
		Reference string   `json:"referenceNumber"`
		Uploads   []upload `json:"partUploadRequests"`
	}{Reference: s.ID}
	for _, u := range uploads {
		answer.Uploads = append(answer.Uploads, upload(u))
	}
	return m.json(http.StatusCreated, answer), nil
}
