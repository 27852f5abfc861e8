package simulator

// Operations of the gateway's and of the Ministry's API, under their names in faults and logs.
const (
	OpPublicKey     = opPublicKey
	OpOpenOnline    = opOpenOnline
	OpOpenBatch     = opOpenBatch
	OpSessionStatus = opSessionStatus
	OpInvoices      = opInvoices
	OpClose         = opClose
	OpUPO           = opUPO
	OpSend          = opSend
	OpInvoiceStatus = opInvoiceStatus
	OpInvoiceGet    = opInvoiceGet
	OpMetadata      = opMetadata
)

// Operations that only the Ministry's API has.
const (
	OpChallenge           = "challenge"
	OpLoginXades          = "loginXades"
	OpLoginToken          = "loginToken"
	OpLoginStatus         = "loginStatus"
	OpRedeem              = "redeem"
	OpRefresh             = "refresh"
	OpLoginSessions       = "loginSessions"
	OpLoginRevoke         = "loginRevoke"
	OpFailed              = "failed"
	OpInvoiceUPO          = "invoiceUpo"
	OpDownload            = "download" // by a pre-signed address
	OpSessionList         = "sessionList"
	OpRateLimits          = "rateLimits"
	OpContextLimits       = "contextLimits"
	OpSubjectLimits       = "subjectLimits"
	OpCertificateLimits   = "certificateLimits"
	OpCertificateData     = "certificateData"
	OpCertificateEnrol    = "certificateEnrol"
	OpCertificateStatus   = "certificateStatus"
	OpCertificateRetrieve = "certificateRetrieve"
	OpCertificateRevoke   = "certificateRevoke"
	OpCertificateQuery    = "certificateQuery"
	OpTokenCreate         = "tokenCreate"
	OpTokenList           = "tokenList"
	OpTokenStatus         = "tokenStatus"
	OpTokenRevoke         = "tokenRevoke"
	OpTestData            = "testData" // everything below /testdata
)
