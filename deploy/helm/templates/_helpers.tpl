{{- define "ksefworker.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "ksefworker.selector" -}}
app.kubernetes.io/name: ksefworker
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ksefworker.labels" -}}
{{ include "ksefworker.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "ksefworker.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- /* What a pod of workers and one of the intake have in common. */ -}}
{{- define "ksefworker.pod" -}}
serviceAccountName: {{ include "ksefworker.name" . }}
automountServiceAccountToken: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "ksefworker.container" -}}
image: {{ include "ksefworker.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "ksefworker.mounts" -}}
- {name: config, mountPath: /etc/ksef, readOnly: true}
- {name: secrets, mountPath: /run/secrets, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .Values.archive.existingClaim }}
- {name: archive, mountPath: /var/lib/ksef/archive}
{{- end }}
{{- end -}}

{{- define "ksefworker.volumes" -}}
- name: config
  configMap: {name: {{ include "ksefworker.name" . }}}
- name: tmp
  emptyDir: {}
{{- with .Values.archive.existingClaim }}
- name: archive
  persistentVolumeClaim: {claimName: {{ . }}}
{{- end }}
{{- end -}}

{{- /* All keys of the secrets as files in one folder. A replaced secret is seen without a restart. */ -}}
{{- define "ksefworker.secrets" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
    {{- range . }}
      - secret: {name: {{ . }}}
    {{- end }}
{{- end -}}
