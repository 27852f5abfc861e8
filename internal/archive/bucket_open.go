package archive

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	amazonEndpoint = "https://s3.amazonaws.com"
	defaultRegion  = "us-east-1" // services without regions expect it in a signature
	callAttempts   = 3           // the library's default of ten would block a worker for minutes; the task is retried anyway
)

func openBucket(u *url.URL, o Options) (Store, error) {
	settings, err := parseBucketURL(u)
	if err == nil && (o.AccessKey == "") != (o.SecretKey == "") {
		err = errors.New("access key and secret key go together: set both or neither")
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	b := &bucket{name: u.Host, prefix: settings.prefix, idle: func() {}}
	transport := o.Transport
	if transport == nil {
		own, err := minio.DefaultTransport(settings.secure)
		if err != nil {
			return nil, fmt.Errorf("open archive: %w", err)
		}
		own.MaxIdleConnsPerHost = 32
		transport, b.idle = own, own.CloseIdleConnections
	}
	b.core, err = minio.NewCore(settings.host, &minio.Options{
		Creds:        bucketKeys(o),
		Secure:       settings.secure,
		Region:       settings.region,
		BucketLookup: settings.lookup,
		Transport:    transport,
		MaxRetries:   callAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	return b, nil
}

// bucketKeys returns the given credentials. If none are given, it returns those of the machine:
// AWS_… variables, the shared credentials file, the role of the instance.
func bucketKeys(o Options) *credentials.Credentials {
	if o.AccessKey != "" {
		return credentials.NewStaticV4(o.AccessKey, o.SecretKey, "")
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
}

type bucketSettings struct {
	prefix, host, region string
	secure               bool
	lookup               minio.BucketLookupType
}

// parseBucketURL refuses unknown parameters, because a misspelled one would send ten years of
// receipts to the wrong place.
func parseBucketURL(u *url.URL) (bucketSettings, error) {
	s := bucketSettings{region: defaultRegion, lookup: minio.BucketLookupAuto}
	if u.Host == "" {
		return s, errors.New("no bucket; write s3://bucket/prefix")
	}
	if s.prefix = strings.Trim(u.Path, "/"); s.prefix != "" {
		if err := checkName(s.prefix); err != nil {
			return s, fmt.Errorf("prefix: %w", err)
		}
		s.prefix += "/"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s, errors.New("parameters cannot be parsed; write ?endpoint=https://host:port&region=name, with %25 for a percent sign")
	}
	endpoint := amazonEndpoint
	for key, values := range query {
		switch value := values[len(values)-1]; key {
		case "endpoint":
			endpoint = value
		case "region":
			s.region = value
		case "path_style":
			path, err := strconv.ParseBool(value)
			if err != nil {
				return s, fmt.Errorf("path_style %q is neither true nor false", value)
			}
			if s.lookup = minio.BucketLookupDNS; path {
				s.lookup = minio.BucketLookupPath
			}
		default:
			return s, fmt.Errorf("unknown parameter %q; endpoint, region and path_style are known", key)
		}
	}
	e, err := url.Parse(endpoint)
	if err != nil || e.Host == "" || e.User != nil || strings.Trim(e.Path, "/") != "" || e.RawQuery != "" ||
		e.Scheme != "http" && e.Scheme != "https" {
		return s, errors.New("endpoint must be http://host:port or https://host:port, without keys in it")
	}
	s.host, s.secure = e.Host, e.Scheme == "https"
	return s, nil
}
