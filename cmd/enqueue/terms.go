package main

import (
	"ksefworker/internal/tasks"
)

// termsResult says what became of terms that are not those on file.
type termsResult struct {
	Applied bool   `json:"applied"`
	Text    string `json:"text"`
}

func termsOf(a *tasks.Admission) *termsResult {
	if a.Terms.Text == "" {
		return nil
	}
	return &termsResult{a.Terms.Applied, a.Terms.Text}
}
